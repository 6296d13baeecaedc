import { test } from 'node:test';
import assert from 'node:assert/strict';
import { exists, files, roomOf, sources, textOf } from './tree.ts';

/** `main` has no door: it is entered by the shell. */
const rooms = [...new Set(sources().map(roomOf))].filter((room) => room !== 'main');

/** The comment a file begins with, without its stars. */
function opening(text: string): string {
  const end = text.indexOf('*/');
  if (!text.startsWith('/**') || end < 0) return '';
  return text.slice(3, end).split('\n').map((line) => line.trim().replace(/^\* ?/, '')).join('\n').trim();
}

test('architecture 1.2: each room has a door that opens with what the room owns and what it must never do', () => {
  const faults: string[] = [];
  for (const room of rooms) {
    const door = `src/${room}/index.ts`;
    if (!exists(door)) {
      faults.push(`${door} is missing`);
      continue;
    }
    const comment = opening(textOf(door));
    if (!comment.startsWith(`${room}: `)) faults.push(`${door} does not begin with a comment \`${room}: what it owns\``);
    if (!/\b(never|nothing|no|not|only)\b/.test(comment)) faults.push(`${door} does not say what the room must never do`);
    if (comment.split(/\s+/).length < 30) faults.push(`${door}: ${comment.split(/\s+/).length} words are no model in prose`);
  }
  assert.deepEqual(faults, []);
});

test('src/README.md, the map, has a row for each room and no other', () => {
  const rows = textOf('src/README.md').split('\n').flatMap((line) => /^\| `([a-z/]+)\/` \|/.exec(line)?.[1] ?? []);
  const here = [...new Set(files().filter((path) => /^src\/.*\.(ts|c)$/.test(path)).map(roomOf))];
  assert.deepEqual(rows.sort(), here.sort());
});
