//! Times of the wall clock as the status worker shows them: in local time, with its offset from UTC.

/// A wall clock time as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Unix seconds.
    pub unix: i64,
    /// Local time `YYYYMMDDhhmmss`.
    pub datetime: String,
    /// Offset `+hhmm`.
    pub tz: String,
}

impl Moment {
    /// Spells out a time with the offset of local time from UTC, both in seconds.
    pub fn at(unix: i64, offset: i64) -> Self {
        let local = unix + offset;
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let sign = if offset < 0 { '-' } else { '+' };
        let away = offset.abs() / 60;
        Self {
            unix,
            datetime: format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
            tz: format!("{sign}{:02}{:02}", away / 60, away % 60),
        }
    }
}

impl Moment {
    /// Returns local date and time for people.
    pub fn pretty(&self) -> String {
        let part = |from: usize, to: usize| self.datetime.get(from..to).unwrap_or_default();
        format!("{}-{}-{} {}", part(0, 4), part(4, 6), part(6, 8), self.clock())
    }

    /// Returns the local time of the day for people.
    pub fn clock(&self) -> String {
        let part = |from: usize, to: usize| self.datetime.get(from..to).unwrap_or_default();
        format!("{}:{}:{}", part(8, 10), part(10, 12), part(12, 14))
    }
}

/// Returns year, month and day of a day counted from 1970-01-01 in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the odd day comes last; 400 years are one period.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local() {
        let cases = [
            (0, 0, "19700101000000", "+0000"),
            (951_782_399, 0, "20000228235959", "+0000"),
            (951_782_400, 0, "20000229000000", "+0000"),
            (1_700_000_000, 3600, "20231114231320", "+0100"),
            (1_700_000_000, -12_600, "20231114184320", "-0330"),
            (4_107_542_399, 0, "21000228235959", "+0000"),
            (4_107_542_400, 0, "21000301000000", "+0000"),
        ];
        for (unix, offset, datetime, tz) in cases {
            let moment = Moment::at(unix, offset);
            assert_eq!((moment.datetime.as_str(), moment.tz.as_str()), (datetime, tz), "{unix}");
        }
    }
}
