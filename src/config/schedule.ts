import { err, ok, type Result, type ScheduleWindow } from '../base/index.ts';
import { quote } from './problems.ts';
import { parseNumber } from './values.ts';

const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** Minutes since midnight of `08:00`; `24:00` is the end of the day. */
function parseTime(text: string): number | undefined {
  if (text.length !== 5 || text.charAt(2) !== ':') return undefined;
  const [hours, rest] = [parseNumber(text.slice(0, 2)), parseNumber(text.slice(3))];
  if (hours === undefined || rest === undefined || hours > 24 || rest > 59 || (hours === 24 && rest > 0)) return undefined;
  return hours * 60 + rest;
}

/** 0 (Monday) to 6 of `mon`, `mon-fri`, `fri-mon`, `mon,wed,sat-sun`. */
function parseDays(text: string): number[] | undefined {
  const out = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const ends = part.split('-').map((name) => DAYS.indexOf(name));
    const [first = -1, last = first] = ends;
    if (ends.length > 2 || first < 0 || last < 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      out.add(day);
      if (day === last) break;
    }
  }
  return [...out].sort((a, b) => a - b);
}

/** A window of a schedule: `mon-fri 08:00-18:00`, `sat,sun 22:00-06:00` (until the next morning), `08:00-18:00` (every day). */
export function parseSchedule(text: string): Result<ScheduleWindow> {
  const words = text.split(' ').filter((word) => word !== '');
  const [from, to, ...more] = (words[words.length - 1] ?? '').split('-').map(parseTime);
  const days = words.length === 1 ? DAYS.map((_, day) => day) : parseDays(words[0] ?? '');
  if (words.length < 1 || words.length > 2 || more.length > 0 || days === undefined || from === undefined || to === undefined || from === 24 * 60) {
    return err(`${quote(text)} is no time of the week; give days and hours such as 'mon-fri 08:00-18:00', 'sat,sun 22:00-06:00' or '08:00-24:00'`);
  }
  if (from === to) return err(`${quote(text)} begins when it ends; all day is '00:00-24:00'`);
  return ok({ text: words.join(' '), days, from, to });
}
