import { test } from 'node:test';
import assert from 'node:assert/strict';
import { DocumentShelf } from '../../src/report/document-shelf.ts';

const stamp = { boot_id: 'b', time: 't', time_synced: false, uptime_ms: 0 };
const put = (shelf: DocumentShelf, uplinks: { [name: string]: { [key: string]: number | string } }): boolean =>
  shelf.put('m/r/', { stamp, state: {}, uplinks, connections: {} });
const drain = (shelf: DocumentShelf): string[] => {
  const out: string[] = [];
  for (let next = shelf.next(); next; next = shelf.next()) {
    out.push(next.topic);
    shelf.done(next.topic, next.key);
  }
  return out;
};

test('a settled change is told, a measured one is not; released ones go once', () => {
  const shelf = new DocumentShelf();
  assert.equal(put(shelf, { wan: { state: 'up', rtt_ms: 1 } }), true);
  assert.deepEqual(drain(shelf), []);
  shelf.releaseChanged();
  assert.deepEqual(drain(shelf), ['m/r/state', 'm/r/uplink/wan']);
  assert.equal(put(shelf, { wan: { state: 'up', rtt_ms: 2 } }), false);
  shelf.releaseChanged();
  assert.deepEqual(drain(shelf), []);
  shelf.wantFull();
  put(shelf, { wan: { state: 'up', rtt_ms: 2 } });
  assert.deepEqual(drain(shelf), ['m/r/uplink/wan']);
});

test('a change back before its release costs nothing', () => {
  const shelf = new DocumentShelf();
  put(shelf, { wan: { state: 'up' } });
  shelf.releaseChanged();
  drain(shelf);
  put(shelf, { wan: { state: 'down' } });
  assert.equal(put(shelf, { wan: { state: 'up' } }), false);
  shelf.releaseChanged();
  assert.deepEqual(drain(shelf), []);
});

test('a removed document goes as an empty one, once, and a later one of the same name is new', () => {
  const shelf = new DocumentShelf();
  put(shelf, { lte: { state: 'up' } });
  shelf.releaseChanged();
  drain(shelf);
  assert.equal(put(shelf, {}), true);
  shelf.releaseChanged();
  const gone = shelf.next();
  assert.equal(gone?.message.payload, '');
  shelf.done(gone?.topic ?? '', gone?.key ?? 'x');
  shelf.forget();
  assert.deepEqual(drain(shelf), ['m/r/state']);
  put(shelf, { lte: { state: 'up' } });
  shelf.releaseChanged();
  assert.deepEqual(drain(shelf), ['m/r/uplink/lte']);
});
