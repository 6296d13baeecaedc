import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { createControlPort, type ControlPort } from '../../../src/adapters/node/control.ts';
import { MAX_REQUEST_LINE } from '../../../src/codec/control/index.ts';
import type { Input } from '../../../src/ports/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'mobiked-control-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let serial = 0;
const fresh = (): string => join(folder, `run${++serial}`, 'mobiked.sock');

interface Served {
  readonly port: ControlPort;
  readonly path: string;
  readonly inputs: Input[];
  /** Waits for the n-th input. */
  input(n: number): Promise<Input>;
}

async function serve(answer: (input: Input, port: ControlPort) => void = () => {}, path = fresh()): Promise<Served> {
  const port = createControlPort(path);
  const inputs: Input[] = [];
  let wake: () => void = () => {};
  const listening = await port.listen((input) => {
    inputs.push(input);
    answer(input, port);
    wake();
  });
  assert.deepEqual(listening, { ok: true, value: undefined });
  const input = async (n: number): Promise<Input> => {
    while (inputs.length < n) await new Promise<void>((resolve) => (wake = resolve));
    return inputs[n - 1] as Input;
  };
  return { port, path, inputs, input };
}

async function client(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  return socket;
}

/** Everything the daemon sends until it closes. */
async function all(socket: Socket): Promise<string> {
  let text = '';
  for await (const data of socket) text += String(data);
  return text;
}

test('the socket is made with its folder, for root only, and removed at the end', async () => {
  const { port, path } = await serve();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o755 & ~process.umask());
  port.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(existsSync(path), false);
});

test('lines go in as inputs and out as lines, split at every octet', async () => {
  const { port, path, input, inputs } = await serve((seen, to) => {
    if (seen.type === 'control.received') to.perform({ type: 'control.send', client: seen.client, line: `<${seen.line}>` }, () => {});
  });
  const socket = await client(path);
  for (const octet of new TextEncoder().encode('{"a":"ü€😀"}\r\n\nsecond\nthird')) {
    socket.write(new Uint8Array([octet]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end('\nunfinished');
  assert.equal(await all(socket), '<{"a":"ü€😀"}>\n<second>\n<third>\n');
  assert.equal((await input(4)).type, 'control.closed');
  assert.deepEqual(inputs.map((seen) => (seen.type === 'control.received' ? seen.line : seen.type)), ['{"a":"ü€😀"}', 'second', 'third', 'control.closed']);
  port.close();
});

test('control.close ends the connection after what was sent', async () => {
  const { port, path } = await serve((seen, to) => {
    if (seen.type !== 'control.received') return;
    to.perform({ type: 'control.send', client: seen.client, line: 'bye' }, () => {});
    to.perform({ type: 'control.close', client: seen.client }, () => {});
    to.perform({ type: 'control.send', client: seen.client, line: 'nobody' }, () => {});
  });
  const socket = await client(path);
  socket.write('a\nb\n');
  assert.equal(await all(socket), 'bye\n');
  port.close();
});

test('a line too long, or not UTF-8, is told and the client cut off', async () => {
  const { port, path, inputs, input } = await serve();
  for (const [bytes, want] of [
    [new Uint8Array(MAX_REQUEST_LINE + 1).fill(0x61), `a line has at most ${MAX_REQUEST_LINE} octets`],
    [new Uint8Array([0xff, 0x0a, 0x61, 0x0a]), 'not UTF-8'],
  ] as const) {
    const socket = await client(path);
    socket.on('error', () => {});
    socket.write(bytes);
    assert.ok((await all(socket)).includes(want), want);
  }
  await input(2);
  assert.deepEqual(inputs.map((seen) => seen.type), ['control.closed', 'control.closed']);
  const socket = await client(path);
  socket.write(`${'a'.repeat(MAX_REQUEST_LINE)}\n`);
  assert.equal(((await input(3)) as { line: string }).line.length, MAX_REQUEST_LINE);
  socket.destroy();
  port.close();
});

test('the 17th client is refused, and welcome once another left', async () => {
  const { port, path, input } = await serve((seen, to) => {
    if (seen.type === 'control.received') to.perform({ type: 'control.send', client: seen.client, line: 'hello' }, () => {});
  });
  const sockets: Socket[] = [];
  for (let i = 0; i < 16; i++) {
    const socket = await client(path);
    sockets.push(socket);
    socket.write('x\n');
    await once(socket, 'data');
  }
  assert.match(await all(await client(path)), /too many clients \(16\)/);
  sockets.pop()?.destroy();
  await input(17);
  const late = await client(path);
  late.write('x\n');
  const [data] = (await once(late, 'data')) as [Uint8Array];
  assert.equal(String(data), 'hello\n');
  for (const socket of [...sockets, late]) socket.destroy();
  port.close();
});

test('a client that does not read is dropped; memory stays bounded', async () => {
  const { port, path, input, inputs } = await serve();
  const socket = await client(path);
  socket.on('error', () => {});
  socket.pause();
  socket.write('x\n');
  const seen = await input(1);
  assert.equal(seen.type, 'control.received');
  const line = 'y'.repeat(100_000);
  let sent = 0;
  while (inputs.length < 2 && sent < 1000) {
    port.perform({ type: 'control.send', client: 1, line }, () => {});
    sent++;
  }
  assert.ok(sent < 60, `${sent} lines were queued`);
  assert.deepEqual(inputs.map((one) => one.type), ['control.received', 'control.closed']);
  socket.destroy();
  port.close();
});

test('a socket somebody answers on is not taken', async () => {
  const { port, path } = await serve();
  const second = createControlPort(path);
  const refused = await second.listen(() => {});
  assert.ok(!refused.ok && refused.error.includes('another mobiked runs') && refused.error.includes(path));
  second.close();
  const socket = await client(path); // the first still serves
  socket.destroy();
  port.close();
});

test('a socket left by a killed daemon is replaced', async () => {
  const path = fresh();
  mkdirSync(join(path, '..'));
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', code]), 'exit');
  assert.equal(existsSync(path), true);
  const { port } = await serve(undefined, path);
  const socket = await client(path);
  socket.destroy();
  port.close();
});

test('what is in the way is told, not removed', async () => {
  const file = fresh();
  mkdirSync(join(file, '..'));
  writeFileSync(file, 'precious');
  const refused = await createControlPort(file).listen(() => {});
  assert.ok(!refused.ok && refused.error.includes('not a socket'));
  assert.equal(existsSync(file), true);
  const deep = await createControlPort(join(file, 'run', 'mobiked.sock')).listen(() => {});
  assert.ok(!deep.ok && deep.error.includes('cannot make the folder'));
  const long = await createControlPort(`/tmp/${'x'.repeat(110)}/mobiked.sock`).listen(() => {});
  assert.ok(!long.ok && long.error.includes('longer than 107 octets'));
});

test('a folder that takes no socket is told', async () => {
  const refused = await createControlPort('/proc/self/mobiked.sock').listen(() => {});
  assert.ok(!refused.ok && refused.error.includes('cannot make the control socket /proc/self/mobiked.sock'));
});

test('a stranger that accepts but is no mobiked still keeps its socket', async () => {
  const path = fresh();
  mkdirSync(join(path, '..'));
  const stranger = createServer((socket) => socket.destroy()).listen(path);
  await once(stranger, 'listening');
  const refused = await createControlPort(path).listen(() => {});
  assert.equal(refused.ok, false);
  stranger.close();
});
