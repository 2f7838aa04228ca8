//! How much of an agent is handed out at once.

use insula_types::Resources;
use insula_types::resources::{Millis, Range, Ranges, Scalar};

/// A core and 256 MiB: the smallest step in which a large agent is cut. Tasks that need more decline,
/// and are offered twice as much; smaller steps would only cost everybody more such rounds.
const STEP: [Millis; 2] = [1_000, 256_000];

/// A machine smaller than four steps is cut in quarters, so that it too can serve several at once,
/// but never in less than this: a tenth of a core and 32 MiB.
const STEP_MIN: [Millis; 2] = [100, 32_000];
const STEPS_MIN: Millis = 4;

/// A huge machine is cut in at most this many steps, which bounds the work that one agent makes.
const STEPS_MAX: Millis = 64;

/// An agent's free resources on the cutting board: the size of a slice is an amount of its leading
/// scalar, cores if there are any, else memory, and all else goes along in proportion.
#[derive(Debug)]
pub(super) struct Board<'a> {
    free: &'a Resources,
    lead: Scalar,
    step: Millis,
}

impl<'a> Board<'a> {
    pub(super) fn new(free: &'a Resources, total: &Resources) -> Self {
        let lead = if free.get(Scalar::Cpus) > 0 {
            Scalar::Cpus
        } else {
            Scalar::Mem
        };
        let (place, total) = (lead as usize, total.get(lead));
        let step = STEP[place]
            .min(total / STEPS_MIN)
            .max(total / STEPS_MAX)
            .max(STEP_MIN[place]);
        Self { free, lead, step }
    }

    /// The size of everything.
    pub(super) fn whole(&self) -> Millis {
        self.free.get(self.lead)
    }

    /// The largest size in whole steps of which no scalar exceeds `room`, but at least one step.
    pub(super) fn fair_size(&self, room: &[Millis; 4]) -> Millis {
        let whole = self.whole();
        let mut size = whole;
        for (free, room) in self.free.scalars().iter().zip(room) {
            if room < free {
                size = size.min(scale(whole, *room, *free));
            }
        }
        self.round(size / self.step * self.step)
    }

    /// Twice the size.
    pub(super) fn larger(&self, size: Millis) -> Millis {
        self.round(size.saturating_mul(2))
    }

    /// At least a step, and everything if less than a step would be left: a splinter serves nobody.
    fn round(&self, size: Millis) -> Millis {
        let size = size.max(self.step);
        if size.saturating_add(self.step) > self.whole() {
            self.whole()
        } else {
            size
        }
    }

    /// Cuts off a slice of that size. Scalars other than the leading one are rounded up to whole
    /// units, and so are ports and items of sets; later slices get a little less of them.
    pub(super) fn cut(&self, size: Millis) -> Resources {
        let whole = self.whole();
        if size >= whole {
            return self.free.clone();
        }
        let mut slice = Resources::new();
        for scalar in Scalar::ALL {
            let free = self.free.get(scalar);
            let part = if scalar == self.lead {
                size
            } else {
                whole_units(free, size, whole)
            };
            slice.add_scalar(scalar.name(), part);
        }
        for (name, free) in self.free.custom() {
            slice.add_scalar(name, whole_units(*free, size, whole));
        }
        for (name, free) in self.free.ranges() {
            slice.add_ranges(name, &first_of(free, scale_up(free.len(), size, whole)));
        }
        for (name, free) in self.free.sets() {
            let count = scale_up(free.len() as u64, size, whole);
            let items = free
                .iter()
                .take(usize::try_from(count).unwrap_or(usize::MAX));
            slice.add_items(name, items.cloned());
        }
        slice
    }
}

/// `amount * part / whole`, rounded down; `part <= whole`, and `whole` is not 0.
fn scale(amount: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(amount) * u128::from(part) / u128::from(whole);
    u64::try_from(scaled).unwrap_or(amount)
}

fn scale_up(amount: u64, part: u64, whole: u64) -> u64 {
    let scaled = (u128::from(amount) * u128::from(part)).div_ceil(u128::from(whole));
    u64::try_from(scaled).unwrap_or(amount)
}

fn whole_units(free: Millis, part: Millis, whole: Millis) -> Millis {
    scale_up(free, part, whole)
        .next_multiple_of(1_000)
        .min(free)
}

fn first_of(ranges: &Ranges, mut count: u64) -> Ranges {
    let mut first = Vec::new();
    for range in ranges.iter() {
        if count == 0 {
            break;
        }
        let end = range.end.min(range.begin.saturating_add(count - 1));
        first.push(Range {
            begin: range.begin,
            end,
        });
        count -= end - range.begin + 1;
    }
    Ranges::new(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn a_slice_takes_its_part_of_everything() {
        let free = parse("cpus:8;mem:10000;gpus:4;licences:3;ports:[10-19,30-39];zone:{a,b}");
        let board = Board::new(&free, &free);
        assert_eq!(
            board.cut(2_000),
            parse("cpus:2;mem:2500;gpus:1;licences:1;ports:[10-14];zone:{a}")
        );
        assert_eq!(board.cut(8_000), free);
    }

    #[test]
    fn sizes_are_whole_steps_and_leave_no_splinter() {
        let free = parse("cpus:8.5;mem:8500");
        let board = Board::new(&free, &free);
        assert_eq!(board.fair_size(&[3_700, u64::MAX, 0, 0]), 3_000);
        assert_eq!(
            board.fair_size(&[u64::MAX, 3_700_000, 0, 0]),
            3_000,
            "memory can be the limit"
        );
        assert_eq!(board.fair_size(&[0; 4]), 1_000, "at least a step");
        assert_eq!(
            board.fair_size(&[8_000, u64::MAX, 0, 0]),
            8_500,
            "half a core is not left over"
        );
        assert_eq!(board.larger(3_000), 6_000);
        assert_eq!(board.larger(6_000), 8_500);
    }

    #[test]
    fn small_machines_are_cut_in_quarters_and_large_ones_in_sixty_four() {
        let small = parse("cpus:1;mem:1024");
        assert_eq!(Board::new(&small, &small).fair_size(&[0; 4]), 250);
        let large = parse("cpus:256;mem:1024");
        assert_eq!(Board::new(&large, &large).fair_size(&[0; 4]), 4_000);
        let tiny = parse("cpus:0.2;mem:64");
        assert_eq!(Board::new(&tiny, &tiny).fair_size(&[0; 4]), 100);
    }

    #[test]
    fn memory_leads_where_no_core_is_left() {
        let board_free = parse("mem:2048;ports:[1-8]");
        let total = parse("cpus:4;mem:4096");
        let board = Board::new(&board_free, &total);
        let size = board.fair_size(&[0, 600_000, 0, 0]);
        assert_eq!(board.cut(size), parse("mem:512;ports:[1-2]"));
    }

    #[test]
    fn the_largest_range_can_be_cut() {
        let all = Ranges::new([Range {
            begin: 0,
            end: u64::MAX,
        }]);
        assert_eq!(first_of(&all, 3).to_string(), "[0-2]");
        assert_eq!(first_of(&all, u64::MAX).len(), u64::MAX);
    }
}
