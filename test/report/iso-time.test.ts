import { test } from 'node:test';
import assert from 'node:assert/strict';
import { isoTime } from '../../src/report/index.ts';

test('ISO time agrees with the platform on leap days, turns of centuries and odd milliseconds', () => {
  const days = ['1970-01-01', '1999-12-31', '2000-02-29', '2000-03-01', '2024-02-28', '2024-02-29', '2024-12-31', '2100-02-28', '2100-03-01', '9999-12-31'];
  for (const day of days)
    for (const clock of ['00:00:00.000', '23:59:59.999', '12:34:56.007']) assert.equal(isoTime(Date.parse(`${day}T${clock}Z`)), `${day}T${clock}Z`);
  for (let ms = 3; ms < 4e12; ms += 9_876_543_211) assert.equal(isoTime(ms), new Date(ms).toISOString());
});

test('ISO time is cut to what four digits can say', () => {
  assert.equal(isoTime(-5), '1970-01-01T00:00:00.000Z');
  assert.equal(isoTime(1e18), '9999-12-31T23:59:59.999Z');
  assert.equal(isoTime(1.9), '1970-01-01T00:00:00.001Z');
});
