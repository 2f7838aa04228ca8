//! Lengths and points of time for people.

const MILLI: u64 = 1_000;
const SECOND: u64 = 1_000 * MILLI;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A length of so many microseconds in units that fit: `120 µs`, `2.6 ms`, `12.3 s`, `3 min 20 s`.
pub(super) fn length(micros: u64) -> String {
    match micros {
        0..MILLI => format!("{micros} µs"),
        MILLI..SECOND => format!("{}.{} ms", micros / MILLI, micros / 100 % 10),
        SECOND..MINUTE => format!("{}.{} s", micros / SECOND, micros / (100 * MILLI) % 10),
        MINUTE..HOUR => format!("{} min {} s", micros / MINUTE, micros / SECOND % 60),
        HOUR..DAY => format!("{} h {} min", micros / HOUR, micros / MINUTE % 60),
        _ => format!("{} d {} h", micros / DAY, micros / HOUR % 24),
    }
}

/// How far a point of time is behind the beginning; what came before it has a sign.
pub(super) fn offset(at: u64, begin: u64) -> String {
    match at.checked_sub(begin) {
        Some(0) => "0".to_owned(),
        Some(after) => length(after),
        None => format!("-{}", length(begin.abs_diff(at))),
    }
}

/// The label of a tick: a length without parts that are zero.
pub(super) fn label(micros: u64) -> String {
    let full = length(micros);
    for zero in [" 0 s", " 0 min", " 0 h"] {
        if let Some(whole) = full.strip_suffix(zero) {
            return whole.to_owned();
        }
    }
    if micros == 0 {
        return "0".to_owned();
    }
    full.replace(".0 ", " ")
}

/// Round numbers of microseconds, in order: what ticks may be apart.
fn spacings() -> impl Iterator<Item = u64> {
    let decimal = |from: u64, until: u64| {
        let powers = std::iter::successors(Some(from), |power| power.checked_mul(10));
        let all = powers.flat_map(|power| [1, 2, 5].map(|digit| power.saturating_mul(digit)));
        all.take_while(move |spacing| *spacing <= until)
    };
    let clock = [
        20 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        20 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
        6 * HOUR,
        12 * HOUR,
    ];
    decimal(1, 10 * SECOND)
        .chain(clock)
        .chain(decimal(DAY, u64::MAX / 10))
}

/// Where ticks belong on an axis of `extent` microseconds, as offsets from its beginning: at round
/// numbers, at most `most` of them.
pub(super) fn ticks(extent: u64, most: u64) -> Vec<u64> {
    let most = most.max(1);
    let spacing = spacings().find(|spacing| extent / spacing < most);
    // The longest extent of all has only its beginning then.
    spacing.map_or_else(
        || vec![0],
        |spacing| {
            (0..=extent / spacing)
                .map(|count| count * spacing)
                .collect()
        },
    )
}

/// A point of time as date and time of day in UTC, to the millisecond.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
pub(super) fn moment(micros: u64) -> String {
    let (days, of_day) = (micros / DAY, micros % DAY);
    // Days since the first of March of the year 0, in eras of 400 years of 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:03} UTC",
        of_day / HOUR,
        of_day / MINUTE % 60,
        of_day / SECOND % 60,
        of_day / MILLI % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_the_unit_that_fits() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (2_649, "2.6 ms"),
            (999_999, "999.9 ms"),
            (12_345_678, "12.3 s"),
            (200 * SECOND, "3 min 20 s"),
            (5 * HOUR + 12 * MINUTE, "5 h 12 min"),
            (51 * HOUR, "2 d 3 h"),
        ] {
            assert_eq!(length(micros), text);
        }
        assert_eq!(offset(5, 5), "0");
        assert_eq!(offset(2_000, 5_000), "-3.0 ms");
        assert!(length(u64::MAX).ends_with(" h"));
    }

    #[test]
    fn ticks_are_round_and_no_more_than_asked_for() {
        assert_eq!(ticks(28_100, 6), [0, 5_000, 10_000, 15_000, 20_000, 25_000]);
        assert_eq!(
            ticks(90 * SECOND, 4),
            [0, 30 * SECOND, 60 * SECOND, 90 * SECOND]
        );
        assert_eq!(ticks(0, 5), [0]);
        for extent in [1, 9, 10, 11, 999, MINUTE, 3 * HOUR, 40 * DAY, u64::MAX] {
            for most in [0, 1, 5, 20] {
                let ticks = ticks(extent, most);
                assert!(
                    ticks.len() as u64 <= most.max(1),
                    "{extent} {most}: {ticks:?}"
                );
            }
        }
    }

    #[test]
    fn a_label_has_no_zero_parts() {
        let labels = [0, 500, 1_000, 1_500, 2 * SECOND, MINUTE, 90 * SECOND, DAY];
        let labels = labels.map(label);
        let expected = [
            "0",
            "500 µs",
            "1 ms",
            "1.5 ms",
            "2 s",
            "1 min",
            "1 min 30 s",
            "1 d",
        ];
        assert_eq!(labels, expected);
    }

    #[test]
    fn a_moment_is_a_date_and_a_time() {
        assert_eq!(moment(0), "1970-01-01 00:00:00.000 UTC");
        let leap = 951_782_400 * SECOND;
        assert_eq!(moment(leap), "2000-02-29 00:00:00.000 UTC");
        assert_eq!(moment(1_735_689_599_999_999), "2024-12-31 23:59:59.999 UTC");
    }
}
