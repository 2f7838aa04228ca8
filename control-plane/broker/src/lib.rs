//! Numbered streams between the gateways of one replica and the owners in others.
//!
//! Gateways hand inputs to the owner of a partition, owners hand messages to the gateways where their
//! receivers are connected. Both go through a [`Broker`]: Redis Streams, or their twin in the memory of
//! one process. The broker carries and never decides: what it loses is found out, and who is owner is
//! settled elsewhere (rules R14 and R30).
//!
//! # Words
//!
//! A [`Stream`] has one [`Reader`] and many [`Writer`]s: the in-stream of a partition in one epoch is read
//! by its owner, the out-stream of a replica by that replica's gateways. A *link* is one incarnation of
//! a conversation: it has a writer in each direction, and its messages are numbered from 1.
//!
//! # What it promises
//!
//! - **Order.** Of one link a reader gets messages 1, 2, 3, … and nothing else. A gap, a repetition or a
//!   wrong beginning breaks the link ([`Received::Broken`]) and nothing more comes of it.
//! - **No loss goes unseen.** Writers say in *beats* which number they sent last, so a lost last message
//!   is seen as well; silence breaks a link. A random *generation* is kept beside the streams and
//!   compared with every write and read: a data set that was emptied is [`Received::Lost`].
//! - **Nothing is sent twice.** After a fault nobody knows what arrived. Every link is over, both ends
//!   begin a new one, and who talks over it reconciles.
//! - **Everything is bounded.** What waits in a writer, a stream and a reader is bounded in messages and
//!   bytes. A writer without credit keeps what it has and says [`SendError::Full`]; nothing unread is
//!   ever trimmed, and a server that would evict is refused at the start.
//! - **A former incarnation is void.** Streams are named by epoch or by the replica's incarnation, so
//!   nobody meets leftovers of anybody else; streams that nobody writes to vanish by themselves.
//!
//! What it refuses: consumer groups, acknowledgement to the writer (owners tell what they applied in
//! messages of their own), and any retry.
//!
//! # Driving it
//!
//! 1. [`Broker::connect`] once per process; every replica with equal [`Options`].
//! 2. For each stream that this process is meant to read, one [`Broker::reader`]; take its news with
//!    [`Reader::next`] and declare with [`Reader::applied`] what nobody needs any more.
//! 3. For each link one [`Broker::writer`]. Whoever speaks under a lease beats by itself
//!    ([`Beats::WhenTold`]), so that a beat confirms the lease and not just the process.
//! 4. On [`Received::Broken`] and [`Received::Lost`] drop the writers of the links that are over, and begin
//!    new ones once [`Broker::health`] is up.
//!
//! All that is promised is built once, on four atomic operations that `backend/` has twice. The
//! contract in `tests/contract` runs against both.

mod backend;
mod broker;
mod counts;
mod depths;
mod envelope;
mod feed;
mod follow;
mod numbers;
mod options;
mod reader;
mod session;
mod stream;
mod writer;

pub use backend::memory::InProcess;
pub use backend::redis::BeginError;
pub use broker::{Broker, RemoveError};
pub use counts::Counts;
pub use depths::{Depths, WRITER_BYTES_MAX};
pub use envelope::Envelope;
pub use numbers::Break;
pub use options::Options;
pub use reader::{NEWS_MAX as READER_NEWS_MAX, Reader, Received};
pub use session::Health;
pub use stream::{Position, Stream};
pub use writer::{Beats, SendError, Writer};
