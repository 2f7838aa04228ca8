//! Where a story runs, and the accidents that can happen there.

use insula_broker::{Broker, InProcess, Options, Stream};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::server::RedisServer;

/// Whether a story does harm to whoever else uses a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    None,
    Server,
}

/// An entry's id and its fields.
type Newest = (String, Vec<(String, Vec<u8>)>);

/// A data set, and brokers that share it.
pub(crate) struct Site {
    pub(crate) options: Options,
    place: Place,
}

enum Place {
    InProcess(InProcess),
    OwnServer(RedisServer),
    SharedServer(String),
}

/// The sites that there are on this machine.
pub(crate) async fn sites(options: Options, harm: Harm) -> Vec<Site> {
    let mut places = vec![Place::InProcess(InProcess::new(&options))];
    let shared = std::env::var("INSULA_TEST_REDIS_URL");
    match (RedisServer::is_installed(), shared, harm) {
        (true, _, _) => places.push(Place::OwnServer(RedisServer::start("noeviction").await)),
        (false, Ok(url), Harm::None) => places.push(Place::SharedServer(url)),
        (false, Ok(_), Harm::Server) => {
            eprintln!("skipped: the story on Redis, since redis-server is not installed");
        }
        (false, Err(_), _) => eprintln!(
            "skipped: the story on Redis, since redis-server is not installed and INSULA_TEST_REDIS_URL is not set"
        ),
    }
    let site = |place| Site {
        options: options.clone(),
        place,
    };
    places.into_iter().map(site).collect()
}

impl Site {
    /// Another replica's broker.
    pub(crate) async fn broker(&self) -> Broker {
        let options = self.options.clone();
        let broker = match &self.place {
            Place::InProcess(data) => Broker::in_process(data, options).await,
            Place::OwnServer(server) => Broker::connect(&server.url(), options).await,
            Place::SharedServer(url) => Broker::connect(url, options).await,
        };
        broker.unwrap()
    }

    pub(crate) fn go_away(&mut self) {
        match &mut self.place {
            Place::InProcess(data) => data.go_away(),
            Place::OwnServer(server) => server.kill(),
            Place::SharedServer(_) => panic!("a shared server is not harmed"),
        }
    }

    pub(crate) async fn come_back(&mut self) {
        match &mut self.place {
            Place::InProcess(data) => data.come_back(),
            Place::OwnServer(server) => server.run().await,
            Place::SharedServer(_) => panic!("a shared server is not harmed"),
        }
    }

    pub(crate) async fn lose_everything(&self) {
        match &self.place {
            Place::InProcess(data) => data.lose_everything(),
            Place::OwnServer(_) => {
                let mut connection = self.connection().await;
                let () = connection.flushall().await.unwrap();
            }
            Place::SharedServer(_) => panic!("a shared server is not harmed"),
        }
    }

    pub(crate) async fn lose_last(&self, stream: &Stream) {
        if let Place::InProcess(data) = &self.place {
            assert!(data.lose_last(stream));
            return;
        }
        let (id, _) = self.newest(stream).await;
        let lost: usize = self
            .connection()
            .await
            .xdel(self.key(stream), &[id])
            .await
            .unwrap();
        assert_eq!(lost, 1);
    }

    pub(crate) async fn repeat_last(&self, stream: &Stream) {
        if let Place::InProcess(data) = &self.place {
            assert!(data.repeat_last(stream));
            return;
        }
        let (_, fields) = self.newest(stream).await;
        let _: String = self
            .connection()
            .await
            .xadd(self.key(stream), "*", &fields)
            .await
            .unwrap();
    }

    pub(crate) async fn damage_last(&self, stream: &Stream) {
        if let Place::InProcess(data) = &self.place {
            assert!(data.damage_last(stream));
            return;
        }
        let (id, fields) = self.newest(stream).await;
        let (_, written) = fields.into_iter().find(|(name, _)| name == "n").unwrap();
        let mut connection = self.connection().await;
        let _: usize = connection.xdel(self.key(stream), &[id]).await.unwrap();
        let damaged = [("n", written), ("e", vec![0xff; 16])];
        let _: String = connection
            .xadd(self.key(stream), "*", &damaged)
            .await
            .unwrap();
    }

    /// How many entries a stream holds.
    pub(crate) async fn entries(&self, stream: &Stream) -> usize {
        if let Place::InProcess(data) = &self.place {
            return data.entries(stream);
        }
        let mut connection = self.connection().await;
        connection.xlen(self.key(stream)).await.unwrap()
    }

    async fn newest(&self, stream: &Stream) -> Newest {
        let newest: Vec<Newest> = self
            .connection()
            .await
            .xrevrange_count(self.key(stream), "+", "-", 1)
            .await
            .unwrap();
        newest.into_iter().next().unwrap()
    }

    fn key(&self, stream: &Stream) -> String {
        format!("{}:{stream}", self.options.prefix)
    }

    async fn connection(&self) -> MultiplexedConnection {
        let url = match &self.place {
            Place::OwnServer(server) => server.url(),
            Place::SharedServer(url) => url.clone(),
            Place::InProcess(_) => panic!("there is no connection to the data in process"),
        };
        let client = redis::Client::open(url).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}
