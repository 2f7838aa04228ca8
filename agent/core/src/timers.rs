//! What is due when.

use std::collections::{BTreeMap, BTreeSet};

use insula_types::{LaunchId, Time};

/// Something that happens by itself when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Say that the agent is there, or register again if the control plane has not answered.
    Heartbeat,
    /// Send the first waiting update of a task.
    Send(LaunchId),
    /// A task has run for as long as it may.
    Deadline(LaunchId),
}

/// Timers by time; setting one again moves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Time, Timer)>,
    times: BTreeMap<Timer, Time>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.cancel(timer);
        self.by_time.insert((at, timer));
        self.times.insert(timer, at);
    }

    /// Moves a timer nearer; does nothing if it is due earlier anyway.
    pub(crate) fn hasten(&mut self, timer: Timer, at: Time) {
        if self.get(timer).is_none_or(|due| due > at) {
            self.set(timer, at);
        }
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.times.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Time> {
        self.times.get(&timer).copied()
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the first timer that is due, earliest first.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Timer> + '_ {
        self.times.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_again_is_due_once_at_its_new_time() {
        let mut timers = Timers::default();
        timers.set(Timer::Heartbeat, Time(5));
        timers.set(Timer::Heartbeat, Time(9));
        assert_eq!(timers.pop_due(Time(8)), None);
        assert_eq!(timers.next(), Some(Time(9)));
        assert_eq!(timers.pop_due(Time(9)), Some(Timer::Heartbeat));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn hastening_never_delays() {
        let mut timers = Timers::default();
        timers.set(Timer::Heartbeat, Time(5));
        timers.hasten(Timer::Heartbeat, Time(9));
        assert_eq!(timers.next(), Some(Time(5)));
        timers.hasten(Timer::Heartbeat, Time(2));
        assert_eq!(timers.next(), Some(Time(2)));
    }
}
