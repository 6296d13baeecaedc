import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseSchedule } from '../../src/config/schedule.ts';

const parsed = (text: string): unknown => {
  const result = parseSchedule(text);
  return result.ok ? [result.value.days.join(''), result.value.from, result.value.to, result.value.text] : result.error;
};

test('windows of a schedule', () => {
  const rows: [string, string, number, number][] = [
    ['mon-fri 08:00-18:00', '01234', 480, 1080], ['mon 00:00-24:00', '0', 0, 1440], ['sat,sun 22:00-06:00', '56', 1320, 360], ['fri-mon 09:30-09:45', '0456', 570, 585],
    ['Wed,MON-tue 00:00-00:01', '012', 0, 1], ['08:00-18:00', '0123456', 480, 1080], ['mon-sun 23:59-24:00', '0123456', 1439, 1440], ['tue-tue 12:00-00:00', '1', 720, 0],
  ];
  for (const [text, days, from, to] of rows) assert.deepEqual(parsed(text), [days, from, to, text]);
  assert.deepEqual(parsed('  mon   08:00-18:00 '), ['0', 480, 1080, 'mon 08:00-18:00']);
});

test('what is no window says what would be right', () => {
  for (const text of ['', ' ', 'mon', 'mon-fri', '08:00', 'mon 08:00', 'mon 8:00-18:00', 'mon 08:00-18:60', 'mon 24:00-08:00', 'mon 08:00-24:01', 'mon 08:00-25:00', 'day 08:00-18:00', 'mon- 08:00-18:00', 'mon-tue-wed 08:00-18:00', 'mon,,tue 08:00-18:00', 'mon 08:00-18:00-19:00', 'mon tue 08:00-18:00', 'mon 0a:00-18:00', 'mon 08.00-18.00'])
    assert.match(String(parsed(text)), /is no time of the week; give days and hours/, text);
  assert.match(String(parsed('mon 08:00-08:00')), /begins when it ends; all day is '00:00-24:00'/);
});
