/** Days of the civil calendar since 1970-01-01, turned into year, month (1-12) and day, for any day from year 0 to 9999. */
function civil(days: number): readonly [number, number, number] {
  // Counts in 400-year eras that begin on 1 March, so that the leap day is the last day of a year.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1];
}

const pad = (value: number, width: number): string => value.toString().padStart(width, '0');

/** ISO 8601 UTC with milliseconds (`2024-02-29T12:00:00.000Z`) of a Unix time in milliseconds, cut to the years 1970-9999. */
export function isoTime(unixMs: number): string {
  const ms = Math.min(Math.max(Math.floor(unixMs), 0), 253_402_300_799_999);
  const days = Math.floor(ms / 86_400_000);
  const rest = ms - days * 86_400_000;
  const [year, month, day] = civil(days);
  const clock = `${pad(Math.floor(rest / 3_600_000), 2)}:${pad(Math.floor(rest / 60_000) % 60, 2)}:${pad(Math.floor(rest / 1000) % 60, 2)}`;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}.${pad(rest % 1000, 3)}Z`;
}
