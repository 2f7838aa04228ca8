//! From points of time to places on an axis.

/// The time that a picture shows, in microseconds since the unix epoch; `until` is not before `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) from: u64,
    pub(super) until: u64,
}

impl Axis {
    /// How long it is, in microseconds.
    pub(super) fn extent(self) -> u64 {
        self.until.saturating_sub(self.from)
    }

    /// Whether a point of time is on it.
    pub(super) fn holds(self, at: u64) -> bool {
        (self.from..=self.until).contains(&at)
    }

    /// The same, made longer so that a span of time fits.
    pub(super) fn with(self, from: u64, until: u64) -> Self {
        Self {
            from: self.from.min(from),
            until: self.until.max(until).max(from),
        }
    }

    /// Where a point of time is if the axis has so many units, to the nearest; what is beside the axis
    /// is at its ends.
    pub(super) fn place(self, at: u64, units: u32) -> u32 {
        let extent = u128::from(self.extent().max(1));
        let after = u128::from(at.clamp(self.from, self.until.max(self.from)) - self.from);
        let place = (after * u128::from(units) * 2 + extent) / (extent * 2);
        u32::try_from(place).map_or(units, |place| place.min(units))
    }

    /// Where a span of time is if the axis has so many units: the first unit and the one behind the
    /// last. However short, it has one.
    pub(super) fn stretch(self, from: u64, until: u64, units: u32) -> (u32, u32) {
        let first = self.place(from, units).min(units.saturating_sub(1));
        let behind = self.place(until, units);
        (first, behind.max(first + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: Axis = Axis {
        from: 1_000,
        until: 2_000,
    };

    #[test]
    fn neighbours_touch_and_nothing_vanishes() {
        let (a, b) = AXIS.stretch(1_000, 1_333, 40);
        let (c, d) = AXIS.stretch(1_333, 2_000, 40);
        assert_eq!((a, b, d), (0, c, 40));
        assert_eq!(AXIS.stretch(1_500, 1_500, 40), (20, 21));
        assert_eq!(AXIS.stretch(2_000, 2_000, 40), (39, 40));
    }

    #[test]
    fn what_is_beside_the_axis_is_at_its_ends() {
        assert_eq!(AXIS.stretch(0, 900, 40), (0, 1));
        assert_eq!(AXIS.stretch(5_000, u64::MAX, 40), (39, 40));
        assert_eq!(AXIS.stretch(0, u64::MAX, 40), (0, 40));
        let nothing = Axis { from: 7, until: 7 };
        assert_eq!(nothing.stretch(7, 7, 40), (0, 1));
        let all = Axis {
            from: 0,
            until: u64::MAX,
        };
        assert_eq!(all.place(u64::MAX, 40), 40);
    }

    #[test]
    fn an_axis_grows_with_what_it_shows() {
        assert!(AXIS.holds(1_000) && AXIS.holds(2_000));
        assert!(!AXIS.holds(999) && !AXIS.holds(2_001));
        let grown = AXIS.with(900, 1_500);
        assert_eq!((grown.from, grown.until), (900, 2_000));
    }
}
