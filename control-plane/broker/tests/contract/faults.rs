//! What goes wrong: loss, repetition, silence, and a broker that is away.

use std::time::Duration;

use insula_broker::{Beats, Break, Broker, Health, Options, Received, SendError};

use crate::support::{
    DEADLINE, Harm, Site, beat_of, envelope, link, message, news, options, say, sites, stream,
    until,
};

async fn holds(site: &Site, entries: usize) {
    until("the entries are there", async || {
        site.entries(&stream()).await == entries
    })
    .await;
}

async fn broken(reader: &mut insula_broker::Reader) -> Break {
    match news(reader).await {
        Received::Broken { link: of, why } => {
            assert_eq!(of, link(1));
            why
        }
        other => panic!("the link should have broken, and {other:?} came"),
    }
}

#[tokio::test]
async fn a_lost_last_message_is_found_by_the_next_beat() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut writer, "one");
        holds(&site, 1).await;
        say(&mut writer, "two");
        holds(&site, 2).await;
        site.lose_last(&stream()).await;
        writer.beat();

        let mut reader = broker.reader(stream());
        assert_eq!(message(&mut reader).await.text, "one");
        let lost = Break::Count {
            sent: 2,
            received: 1,
        };
        assert_eq!(broken(&mut reader).await, lost);
    }
}

#[tokio::test]
async fn a_message_lost_in_between_is_found_by_the_next_one() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut writer, "one");
        holds(&site, 1).await;
        say(&mut writer, "two");
        holds(&site, 2).await;
        site.lose_last(&stream()).await;
        say(&mut writer, "three");

        let mut reader = broker.reader(stream());
        assert_eq!(message(&mut reader).await.text, "one");
        let lost = Break::Number {
            expected: 2,
            got: 3,
        };
        assert_eq!(broken(&mut reader).await, lost);
        let mut other = broker.writer(stream(), link(2), Beats::WhenTold);
        say(&mut other, "of another link");
        assert_eq!(message(&mut reader).await.text, "of another link");
    }
}

#[tokio::test]
async fn a_repeated_message_is_not_taken_twice() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut writer, "one");
        holds(&site, 1).await;
        site.repeat_last(&stream()).await;

        let mut reader = broker.reader(stream());
        assert_eq!(message(&mut reader).await.text, "one");
        let repeated = Break::Number {
            expected: 2,
            got: 1,
        };
        assert_eq!(broken(&mut reader).await, repeated);
    }
}

#[tokio::test]
async fn silence_breaks_a_link_and_beats_keep_it() {
    let options = Options {
        silence: Duration::from_millis(500),
        ..options()
    };
    for site in sites(options, Harm::None).await {
        let broker = site.broker().await;
        let mut reader = broker.reader(stream());
        let beating = broker.writer(stream(), link(2), Beats::EverySecond);
        let mut silent = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut silent, "and nothing more");
        let (mut silent_broke, mut beats_after) = (false, 0);
        while beats_after < 20 {
            match tokio::time::timeout(DEADLINE, reader.next()).await.unwrap() {
                Some(Received::Broken { link: of, why }) => {
                    assert_eq!(of, link(1));
                    assert!(matches!(why, Break::Silence(_)));
                    silent_broke = true;
                }
                Some(Received::Beat { link: of, .. }) => {
                    assert_eq!(of, link(2));
                    beats_after += usize::from(silent_broke);
                }
                Some(Received::Message { .. }) => {}
                other => panic!("{other:?} was not expected"),
            }
        }
        drop(beating);
    }
}

/// Everybody hears of it, nothing goes through in silence, and a new link works.
async fn all_is_over_and_begins_anew(
    owner: &Broker,
    gateway: &Broker,
    reader: &mut insula_broker::Reader,
    writer: &mut insula_broker::Writer,
) {
    until("the writer is down", async || writer.is_down()).await;
    assert_eq!(writer.send(envelope("late")), Err(SendError::Down));
    loop {
        // What was under way may still come before it is known that it is over.
        match news(reader).await {
            Received::Lost { .. } => break,
            Received::Message { .. } => {}
            other => panic!("{other:?} was not expected"),
        }
    }
    for broker in [owner, gateway] {
        let mut health = broker.health();
        let up = tokio::time::timeout(DEADLINE, health.wait_for(|health| *health == Health::Up));
        up.await.unwrap().unwrap();
    }
    let (mut new, mut number) = (None, 100);
    until("a new link works", async || {
        // A link that began while the other side was still coming back is lost with it.
        number += 1;
        let mut writer = gateway.writer(stream(), link(number), Beats::EverySecond);
        if writer.send(envelope("new")).is_err() {
            return false;
        }
        let heard = news(reader).await;
        new = Some(writer);
        matches!(heard, Received::Message { link: of, seq: 1, .. } if of == link(number))
    })
    .await;
    beat_of(reader, &link(number), 1).await;
    assert!(writer.is_down(), "what is over stays so");
}

#[tokio::test]
async fn a_data_set_that_was_lost_ends_every_link() {
    for site in sites(options(), Harm::Server).await {
        let (owner, gateway) = (site.broker().await, site.broker().await);
        let mut reader = owner.reader(stream());
        let mut writer = gateway.writer(stream(), link(1), Beats::EverySecond);
        say(&mut writer, "one");
        assert_eq!(message(&mut reader).await.text, "one");
        site.lose_everything().await;
        all_is_over_and_begins_anew(&owner, &gateway, &mut reader, &mut writer).await;
    }
}

#[tokio::test]
async fn a_broker_that_was_away_with_its_data_ends_every_link_too() {
    for mut site in sites(options(), Harm::Server).await {
        let (owner, gateway) = (site.broker().await, site.broker().await);
        let mut reader = owner.reader(stream());
        let mut writer = gateway.writer(stream(), link(1), Beats::EverySecond);
        say(&mut writer, "one");
        assert_eq!(message(&mut reader).await.text, "one");
        site.go_away();
        for broker in [&owner, &gateway] {
            let mut health = broker.health();
            let down = health.wait_for(|health| matches!(health, Health::Down { .. }));
            tokio::time::timeout(DEADLINE, down).await.unwrap().unwrap();
        }
        let refused = gateway
            .writer(stream(), link(2), Beats::EverySecond)
            .send(envelope("while it is away"));
        assert_eq!(refused, Err(SendError::Down));
        assert!(gateway.remove(&stream()).await.is_err());
        site.come_back().await;
        all_is_over_and_begins_anew(&owner, &gateway, &mut reader, &mut writer).await;
    }
}

#[tokio::test]
async fn an_entry_that_nobody_can_read_ends_every_link_of_its_stream() {
    for site in sites(options(), Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        say(&mut writer, "one");
        holds(&site, 1).await;
        site.damage_last(&stream()).await;
        let mut reader = broker.reader(stream());
        assert!(matches!(news(&mut reader).await, Received::Lost { .. }));
        let mut other = broker.writer(stream(), link(2), Beats::WhenTold);
        say(&mut other, "of another link");
        assert_eq!(message(&mut reader).await.text, "of another link");
    }
}
