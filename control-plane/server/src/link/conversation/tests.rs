#![allow(clippy::unwrap_used)]
use super::*;

const SILENCE: Duration = Duration::from_secs(5);
const EPOCH: Epoch = Epoch(7);

/// A conversation and what it wants done; asks are answered by number.
struct Story {
    conversation: Conversation<u32>,
    now: Instant,
    links: u32,
    orders: Vec<Do<u32>>,
}

impl Story {
    fn new() -> Self {
        Self {
            conversation: Conversation::new(SILENCE),
            now: Instant::now(),
            links: 0,
            orders: Vec::new(),
        }
    }

    /// With a link on which the owner has answered.
    fn open() -> Self {
        let mut story = Self::new();
        story.reach(EPOCH);
        story.welcome(1, []);
        story.orders.clear();
        story
    }

    fn reach(&mut self, epoch: Epoch) -> Reach {
        let links = &mut self.links;
        let fresh = || {
            *links += 1;
            link(*links)
        };
        let (now, orders) = (self.now, &mut self.orders);
        self.conversation.reach(epoch, fresh, now, orders)
    }

    fn welcome<const N: usize>(&mut self, number: u32, marks: [(u32, u64); N]) {
        let marks = marks.map(|(former, mark)| (link(former), mark)).into();
        let orders = &mut self.orders;
        self.conversation.welcomed(&link(number), &marks, orders);
        self.conversation.heard(&link(number), Some(self.now));
    }

    fn ask(&mut self, number: u32, seq: u64, answer: u32) -> RequestId {
        let link = link(number);
        let request = self.conversation.number(&link, |_| false).unwrap();
        let ask = Some((request, answer));
        self.conversation.sent(&link, &cell(), seq, ask);
        request
    }

    fn done(&mut self) -> Vec<Do<u32>> {
        std::mem::take(&mut self.orders)
    }
}

fn link(number: u32) -> LinkId {
    format!("me.{number}").into()
}

fn cell() -> CellId {
    "cell".into()
}

fn nobody_knows(answer: u32) -> Do<u32> {
    Do::Answer(answer, unavailable(true))
}

fn certainly_not(answer: u32) -> Do<u32> {
    Do::Answer(answer, unavailable(false))
}

#[test]
fn a_link_is_ready_once_the_owner_has_answered() {
    let mut story = Story::new();
    assert_eq!(story.reach(EPOCH), Reach::Opening);
    assert_eq!(story.done(), [Do::Open(link(1), EPOCH)]);
    assert_eq!(story.reach(EPOCH), Reach::Opening);
    assert!(!story.conversation.is_fresh(story.now));
    story.welcome(1, []);
    assert_eq!(story.reach(EPOCH), Reach::Ready(link(1)));
    assert_eq!(
        story.done(),
        [Do::Ready(link(1))],
        "it is one link, and nobody was connected before"
    );
    assert!(story.conversation.is_fresh(story.now));
}

#[test]
fn an_answer_finds_its_asker_once() {
    let mut story = Story::open();
    let first = story.ask(1, 2, 10);
    let second = story.ask(1, 3, 11);
    for request in [second, first, first] {
        let orders = &mut story.orders;
        let accepted = Ok(Outcome::Accepted);
        story
            .conversation
            .replied(&link(1), request, accepted, orders);
    }
    let answers = [11, 10].map(|answer| Do::Answer(answer, Ok(Outcome::Accepted)));
    assert_eq!(story.done(), answers);
}

#[test]
fn what_was_applied_when_the_link_ended_is_uncertain_at_once() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    story.ask(1, 3, 11);
    story.conversation.applied(&link(1), 2);
    story
        .conversation
        .broken(&link(1), story.now, &mut story.orders);
    let ended = [
        Do::Drop(link(1)),
        nobody_knows(10),
        Do::EndFrameworks(cell()),
    ];
    assert_eq!(story.done(), ended);
    assert_eq!(story.conversation.pending(), 1);
}

#[test]
fn the_next_owners_marks_tell_what_was_certainly_not_applied() {
    let mut story = Story::open();
    for (seq, answer) in [(2, 10), (3, 11), (4, 12)] {
        story.ask(1, seq, answer);
    }
    let orders = &mut story.orders;
    story.conversation.broken(&link(1), story.now, orders);
    story.done();
    assert!(story.conversation.is_waiting());

    assert_eq!(story.reach(Epoch(8)), Reach::Opening);
    story.welcome(2, [(1, 3)]);
    let settled = [
        Do::Open(link(2), Epoch(8)),
        Do::Ready(link(2)),
        nobody_knows(10),
        nobody_knows(11),
        certainly_not(12),
        Do::Resync(cell(), Epoch(8)),
    ];
    assert_eq!(story.done(), settled);
    assert!(!story.conversation.is_waiting());
}

#[test]
fn of_a_link_that_no_owner_has_heard_of_nothing_was_applied() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    story.conversation.end(story.now, &mut story.orders);
    story.reach(EPOCH);
    story.done();
    story.welcome(2, []);
    let settled = [
        Do::Ready(link(2)),
        certainly_not(10),
        Do::Resync(cell(), EPOCH),
    ];
    assert_eq!(story.done(), settled);
}

#[test]
fn without_a_next_owner_nobody_knows_and_nobody_waits_for_long() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    story.conversation.end(story.now, &mut story.orders);
    story.done();
    let early = story.now + SETTLED_WITHIN / 2;
    story.conversation.tick(early, &mut story.orders);
    assert_eq!(story.done(), []);
    let late = story.now + SETTLED_WITHIN;
    story.conversation.tick(late, &mut story.orders);
    assert_eq!(story.done(), [nobody_knows(10)]);
    assert_eq!(story.conversation.pending(), 0);
}

#[test]
fn a_later_owner_ends_the_link_to_an_earlier_one_and_not_the_other_way() {
    let mut story = Story::open();
    story
        .conversation
        .saw(Epoch(6), story.now, &mut story.orders);
    assert_eq!(story.done(), []);
    assert_eq!(story.reach(Epoch(6)), Reach::Outdated);
    story
        .conversation
        .saw(Epoch(8), story.now, &mut story.orders);
    assert_eq!(story.done(), [Do::Drop(link(1))]);
    assert_eq!(story.reach(EPOCH), Reach::Outdated);
    assert!(!story.conversation.is_fresh(story.now));
}

#[test]
fn a_partition_that_comes_to_this_replica_has_its_agents_register_here() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    let orders = &mut story.orders;
    story.conversation.home(Epoch(8), story.now, orders);
    let home = [
        Do::Drop(link(1)),
        Do::EndFrameworks(cell()),
        Do::Resync(cell(), Epoch(8)),
    ];
    assert_eq!(story.done(), home);
    let orders = &mut story.orders;
    story.conversation.home(Epoch(8), story.now, orders);
    assert_eq!(story.done(), []);
}

#[test]
fn an_owner_that_gave_the_partition_away_is_left_at_once() {
    let mut story = Story::open();
    let orders = &mut story.orders;
    story.conversation.given(Epoch(6), story.now, orders);
    assert_eq!(story.conversation.epoch(), Some(EPOCH));
    story.conversation.given(EPOCH, story.now, orders);
    assert_eq!(story.conversation.epoch(), None);
}

#[test]
fn an_owner_that_does_not_answer_or_falls_silent_is_left() {
    let mut unanswered = Story::new();
    unanswered.reach(EPOCH);
    unanswered.done();
    let late = unanswered.now + SILENCE + Duration::from_millis(1);
    unanswered.conversation.tick(late, &mut unanswered.orders);
    assert_eq!(unanswered.done(), [Do::Drop(link(1))]);
    assert!(
        !unanswered.conversation.is_waiting(),
        "nobody was told anything by it"
    );

    let mut silent = Story::open();
    let beat = silent.now + Duration::from_secs(3);
    silent.conversation.heard(&link(1), Some(beat));
    silent.conversation.tick(beat + SILENCE, &mut silent.orders);
    assert_eq!(silent.conversation.epoch(), Some(EPOCH));
    let late = beat + SILENCE + Duration::from_millis(1);
    assert!(!silent.conversation.is_fresh(late));
    silent.conversation.tick(late, &mut silent.orders);
    assert_eq!(silent.conversation.epoch(), None);
}

#[test]
fn agents_are_sent_away_from_a_gateway_that_does_not_reach_the_owner_for_long() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    story.conversation.end(story.now, &mut story.orders);
    let soon = story.now + SILENCE;
    let late = soon + Duration::from_millis(1);
    assert_eq!(story.conversation.forsaken(soon), None);
    assert_eq!(story.conversation.forsaken(late), Some(&[cell()].into()));
    story.reach(EPOCH);
    assert!(
        story.conversation.forsaken(late).is_some(),
        "nobody has answered yet"
    );
    story.welcome(2, []);
    assert_eq!(story.conversation.forsaken(late), None);
}

#[test]
fn whoever_never_reached_the_owner_is_sent_away_as_well() {
    let mut story = Story::new();
    story.conversation.speaks_for(&cell());
    story.reach(EPOCH);
    let broken_at = story.now + SILENCE / 2;
    let orders = &mut story.orders;
    story.conversation.broken(&link(1), broken_at, orders);
    let late = story.now + SILENCE + Duration::from_millis(1);
    assert_eq!(story.conversation.forsaken(late), Some(&[cell()].into()));
}

#[test]
fn each_owner_has_time_to_answer_before_anybody_is_sent_away() {
    let mut story = Story::open();
    story.ask(1, 2, 10);
    story.conversation.end(story.now, &mut story.orders);
    let late = story.now + SILENCE * 2;
    let orders = &mut story.orders;
    story.conversation.saw(Epoch(8), late, orders);
    assert_eq!(story.conversation.forsaken(late), None);
    let later = late + SILENCE * 2;
    assert!(story.conversation.forsaken(later).is_some());
    story.conversation.unowned();
    assert_eq!(
        story.conversation.forsaken(later),
        None,
        "nobody else would reach anybody"
    );
    story.conversation.end(later, &mut story.orders);
    let orders = &mut story.orders;
    story.conversation.home(Epoch(9), later, orders);
    assert_eq!(story.conversation.forsaken(later + SILENCE * 2), None);
}

#[test]
fn an_owner_that_did_not_answer_is_left_alone_for_a_moment() {
    let mut story = Story::open();
    let (start, orders) = (story.now, &mut story.orders);
    story.conversation.end(start, orders);
    assert_eq!(
        story.reach(EPOCH),
        Reach::Opening,
        "one that had answered is asked again at once"
    );
    story
        .conversation
        .broken(&link(2), story.now, &mut story.orders);
    assert_eq!(story.reach(EPOCH), Reach::Resting);
    story.now += Duration::from_secs(1);
    assert_eq!(story.reach(EPOCH), Reach::Opening);
    let orders = &mut story.orders;
    story.conversation.broken(&link(3), story.now, orders);
    assert_eq!(story.reach(EPOCH), Reach::Resting);
    assert_eq!(
        story.reach(Epoch(8)),
        Reach::Opening,
        "of another owner nothing is known yet"
    );
}

#[test]
fn an_old_beat_confirms_nothing() {
    let mut story = Story::open();
    let later = story.now + SILENCE * 2;
    story.conversation.heard(&link(1), None);
    story.conversation.heard(&link(1), Some(story.now));
    assert!(!story.conversation.is_fresh(later));
    story.conversation.heard(&link(1), Some(later));
    assert!(story.conversation.is_fresh(later));
}

#[test]
fn a_link_that_is_over_is_not_listened_to() {
    let mut story = Story::open();
    let request = story.ask(1, 2, 10);
    let orders = &mut story.orders;
    story.conversation.broken(&link(1), story.now, orders);
    story.done();
    story.reach(EPOCH);
    story.done();
    let orders = &mut story.orders;
    let accepted = Ok(Outcome::Accepted);
    story
        .conversation
        .replied(&link(1), request, accepted, orders);
    story
        .conversation
        .welcomed(&link(1), &BTreeMap::new(), orders);
    story.conversation.broken(&link(1), story.now, orders);
    assert_eq!(story.done(), []);
    assert!(!story.conversation.is_current(&link(1)));
    assert_eq!(story.conversation.number(&link(1), |_| false), None);
}

#[test]
fn asks_are_bounded_and_those_of_askers_that_left_make_room() {
    let mut story = Story::open();
    for seq in 1..=PENDING_MAX {
        let answer = u32::try_from(seq).unwrap();
        story.ask(1, seq as u64, answer);
    }
    assert_eq!(story.conversation.number(&link(1), |_| false), None);
    assert_eq!(story.conversation.pending(), PENDING_MAX);
    let is_gone = |answer: &u32| *answer <= 100;
    assert!(story.conversation.number(&link(1), is_gone).is_some());
    assert_eq!(story.conversation.pending(), PENDING_MAX - 100);
}
