//! Slow readers, and how much waits where.

use insula_broker::{Beats, Options, SendError};

use crate::support::{Harm, envelope, link, message, options, sites, stream, until};

const KIB: usize = 1 << 10;

/// More than a writer and a small stream together can hold.
const ROUNDS: usize = 64 * KIB;

fn small() -> Options {
    Options {
        entries_max: 8,
        ..options()
    }
}

#[tokio::test]
async fn a_reader_that_stands_still_stops_its_writers_and_nothing_is_lost() {
    for site in sites(small(), Harm::None).await {
        let broker = site.broker().await;
        let mut reader = broker.reader(stream());
        let mut writer = broker.writer(stream(), link(1), Beats::EverySecond);
        let mut sent = 0;
        until("the writer says that it is full", async || {
            for _ in 0..ROUNDS {
                match writer.send(envelope(vec![b'x'; KIB])) {
                    Ok(number) => sent = number,
                    Err(SendError::Full) => {
                        return broker.depths().writers_without_credit == 1;
                    }
                    Err(SendError::Down) => panic!("the link is over"),
                }
            }
            false
        })
        .await;
        assert!(site.entries(&stream()).await <= 8);
        assert!(writer.waiting_bytes() <= 32 << 20);
        let depths = broker.depths();
        assert_eq!((depths.writers, depths.readers), (1, 1));
        assert_eq!(depths.fullest_writer_bytes, depths.writers_bytes);
        assert!(depths.readers_news <= 1_024);

        for number in 1..=sent {
            let heard = message(&mut reader).await;
            assert_eq!(heard.seq, number);
            reader.applied(heard.position);
        }
        writer.room().await;
        assert_eq!(writer.send(envelope("again")), Ok(sent + 1));
        assert_eq!(message(&mut reader).await.text, "again");
    }
}

#[tokio::test]
async fn credit_is_counted_in_bytes_too_and_one_large_message_always_passes() {
    let options = Options {
        bytes_max: 64 << 10,
        ..options()
    };
    for site in sites(options, Harm::None).await {
        let broker = site.broker().await;
        let mut reader = broker.reader(stream());
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        for _ in 0..3 {
            writer.send(envelope(vec![b'x'; 300 * KIB])).unwrap();
        }
        let first = message(&mut reader).await;
        until("the second waits for credit", async || {
            broker.depths().writers_without_credit == 1
        })
        .await;
        assert_eq!(site.entries(&stream()).await, 1);
        reader.applied(first.position);
        let second = message(&mut reader).await;
        assert_eq!(site.entries(&stream()).await, 1);
        reader.applied(second.position);
        assert_eq!(message(&mut reader).await.seq, 3);
    }
}

#[tokio::test]
async fn a_dropped_writer_whose_reader_is_dead_does_not_wait_for_ever() {
    let options = Options {
        silence: std::time::Duration::from_millis(200),
        ..small()
    };
    for site in sites(options, Harm::None).await {
        let broker = site.broker().await;
        let mut writer = broker.writer(stream(), link(1), Beats::WhenTold);
        for _ in 0..4 * KIB {
            writer.send(envelope(vec![b'x'; KIB])).unwrap();
        }
        drop(writer);
        until("its queue is gone", async || broker.depths().writers == 0).await;
        assert!(site.entries(&stream()).await <= 8);
    }
}
