//! What goes well: order, beginnings, trimming, endings.

use insula_broker::{Beats, Received, Stream};
use insula_types::Epoch;

use crate::support::{
    Harm, beat_of, envelope, link, message, news, options, say, sites, stream, until,
};

#[tokio::test]
async fn many_links_on_one_stream_each_keep_their_order() {
    for site in sites(options(), Harm::None).await {
        let (gateways, owner) = (site.broker().await, site.broker().await);
        let mut reader = owner.reader(stream());
        let mut writers: Vec<_> = (0..3)
            .map(|number| gateways.writer(stream(), link(number), Beats::EverySecond))
            .collect();
        for turn in 1..=500 {
            for writer in &mut writers {
                assert_eq!(say(writer, format!("{turn}")), turn);
            }
        }
        let mut next = [1; 3];
        while next != [501; 3] {
            let heard = message(&mut reader).await;
            let writer = (0..3)
                .position(|number| link(number) == heard.link)
                .unwrap();
            assert_eq!(heard.seq, next[writer]);
            assert_eq!(heard.text, next[writer].to_string());
            next[writer] += 1;
        }
        for number in 0..3 {
            beat_of(&mut reader, &link(number), 500).await;
        }
    }
}

#[tokio::test]
async fn an_envelope_arrives_as_it_was_sent() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
        let mut sent = envelope(vec![0, 0xff, b'\n']);
        sent.trace = insula_types::TraceContext::start(7, 8, true);
        sent.cell = None;
        writer.send(sent.clone()).unwrap();
        let mut reader = broker.reader(stream());
        let Received::Message { envelope, .. } = news(&mut reader).await else {
            panic!("no message came");
        };
        assert_eq!(envelope, sent);
    }
}

#[tokio::test]
async fn a_reader_begins_with_all_that_its_stream_holds() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
        for text in ["one", "two", "three"] {
            say(&mut writer, text);
        }
        until("the entries are there", async || {
            site.entries(&stream()).await > 0
        })
        .await;
        let mut reader = site.broker().await.reader(stream());
        for (seq, text) in [(1, "one"), (2, "two"), (3, "three")] {
            let heard = message(&mut reader).await;
            assert_eq!((heard.seq, heard.text.as_str()), (seq, text));
        }
    }
}

#[tokio::test]
async fn what_was_meant_for_a_former_owner_reaches_no_later_one() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let later = Stream::In {
            partition: insula_types::PartitionId(5),
            epoch: Epoch(0x19b),
        };
        let mut old = broker.writer(stream(), link(1), Beats::EverySecond);
        say(&mut old, "for the owner that died");
        until("the entry is there", async || {
            site.entries(&stream()).await > 0
        })
        .await;
        let mut new = broker.writer(later.clone(), link(2), Beats::EverySecond);
        say(&mut new, "for the next one");
        let mut reader = broker.reader(later);
        assert_eq!(message(&mut reader).await.text, "for the next one");
        beat_of(&mut reader, &link(2), 1).await;
        assert!(
            site.entries(&stream()).await > 0,
            "and is not its to remove"
        );
    }
}

#[tokio::test]
async fn a_reader_that_joins_midway_breaks_the_link_instead_of_guessing() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
        say(&mut writer, "one");
        let mut first = broker.reader(stream());
        let heard = message(&mut first).await;
        first.applied(heard.position);
        until("it is trimmed", async || site.entries(&stream()).await == 0).await;
        drop(first);
        say(&mut writer, "two");
        let mut second = broker.reader(stream());
        let Received::Broken { link: broken, .. } = news(&mut second).await else {
            panic!("the link was not broken");
        };
        assert_eq!(broken, link(1));
    }
}

#[tokio::test]
async fn only_what_was_applied_is_trimmed_and_beats_go_by_themselves() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut reader = broker.reader(stream());
        let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
        let mut heard = Vec::new();
        for text in ["one", "two", "three"] {
            say(&mut writer, text);
            heard.push(message(&mut reader).await);
        }
        reader.applied(heard[0].position);
        beat_of(&mut reader, &link(1), 3).await;
        beat_of(&mut reader, &link(1), 3).await;
        until("the first is trimmed, the others are kept", async || {
            let mut copy = site.broker().await.reader(stream());
            let kept = matches!(copy.next().await, Some(Received::Broken { why, .. })
                if why == insula_broker::Break::Number { expected: 1, got: 2 });
            kept
        })
        .await;
        reader.applied(heard[2].position);
        until("all is trimmed, the beats as well", async || {
            site.entries(&stream()).await == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_writer_that_is_dropped_says_everything_first() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut reader = broker.reader(stream());
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        for number in 1..=2_000_u64 {
            say(&mut writer, number.to_string());
        }
        drop(writer);
        for number in 1..=2_000 {
            assert_eq!(message(&mut reader).await.seq, number);
        }
    }
}

#[tokio::test]
async fn a_removed_stream_is_empty_again() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut writer, "one");
        until("the entry is there", async || {
            site.entries(&stream()).await == 1
        })
        .await;
        drop(writer);
        broker.remove(&stream()).await.unwrap();
        assert_eq!(site.entries(&stream()).await, 0);
    }
}
