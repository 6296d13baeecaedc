import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { createControlPort, type ControlPort } from '../../src/adapters/node/control.ts';
import { decodeRequest, encodeEvent, encodeRefusal, encodeReply } from '../../src/codec/control/index.ts';
import { DOCUMENTS, events } from './ctl-documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'mobiked-ctl-'));
const program = join(folder, 'mobikectl.mjs');
const socket = join(folder, 'run', 'mobiked.sock');
let port: ControlPort;

before(async () => {
  await build({ entryPoints: [resolve('src/main/ctl.ts')], outfile: program, bundle: true, format: 'esm', platform: 'node', target: 'node20', define: { __VERSION__: '"9.8.7"' }, logLevel: 'warning' });
  port = createControlPort(socket);
  const listening = await port.listen((input) => {
    if (input.type !== 'control.received') return;
    const { client } = input;
    const send = (line: string): void => port.perform({ type: 'control.send', client, line }, () => {});
    const request = decodeRequest(input.line);
    if (!request.ok) return send(encodeRefusal(request.error.id, request.error.error));
    const { id, command, args, follow } = request.value;
    if (args['name'] === 'nobody') return send(encodeRefusal(id, "there is no connection or child 'nobody'\x1b[2J"));
    if (args['name'] === 'silent') return;
    if (args['name'] === 'dies') return port.perform({ type: 'control.close', client }, () => {});
    send(encodeReply(id, DOCUMENTS[command] ?? null));
    if (!follow) return;
    for (let seq = 3; seq < 6; seq++) send(encodeEvent(id, { ...events[1], seq, text: `event ${seq}` }));
    port.perform({ type: 'control.close', client }, () => {});
  });
  assert.equal(listening.ok, true);
});
after(() => {
  port.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Run { readonly status: number | null; readonly out: string; readonly error: string }

async function finished(child: ChildProcess): Promise<Run> {
  const text = { out: '', error: '' };
  child.stdout?.on('data', (data) => (text.out += String(data)));
  child.stderr?.on('data', (data) => (text.error += String(data)));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...text };
}
const ctl = (...argv: string[]): Promise<Run> => finished(spawn(process.execPath, [program, '--socket', socket, ...argv]));

test('exit 0: every command prints what its golden says', async () => {
  for (const argv of [['status'], ['uplinks'], ['connections'], ['events'], ['explain'], ['explain', 'hq'], ['up', 'hq'], ['down', 'hq'], ['switch', 'hq', 'lte'], ['rekey', 'lan'], ['reload']]) {
    assert.deepEqual(await ctl(...argv), { status: 0, out: readFileSync(`test/golden/ctl/${argv[0]}.txt`, 'utf8'), error: '' }, argv.join(' '));
  }
});

test('--json prints the data as it came', async () => {
  for (const command of ['status', 'connections', 'events']) {
    const { status, out } = await ctl('--json', command);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(out), DOCUMENTS[command]);
  }
});

test('events --follow prints the ring, then each event; the end of the daemon is exit 3', async () => {
  const text = await ctl('events', '--follow');
  assert.deepEqual(text.out.split('\n').map((line) => line.slice(33)), ['mobiked 0.1.0 started', 'hq is established over wan', 'event 3', 'event 4', 'event 5', '']);
  assert.equal(text.status, 3);
  assert.match(text.error, /it closed the connection/);
  const json = await ctl('--json', 'events', '--follow');
  assert.deepEqual(json.out.trim().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq), [1, 2, 3, 4, 5]);
});

test('events --follow waits for ever and ends quietly when nobody reads', async () => {
  const quiet = join(folder, 'quiet.sock');
  let push: () => void = () => {};
  const server = createServer((client) => {
    client.on('error', () => {});
    client.write(`${encodeReply(1, [])}\n`);
    push = () => void client.write(`${encodeEvent(1, events[0] ?? {})}\n`);
  }).listen(quiet);
  await once(server, 'listening');
  const child = spawn(process.execPath, [program, '--socket', quiet, 'events', '--follow'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server, 'connection');
  push();
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const exit = once(child, 'exit');
  const timer = setInterval(() => push(), 20);
  assert.deepEqual((await exit)[0], 0);
  clearInterval(timer);
  server.close();
});

test('exit 1: refused, with the reason on stderr and no control characters', async () => {
  assert.deepEqual(await ctl('up', 'nobody'), { status: 1, out: '', error: "mobikectl: there is no connection or child 'nobody'\\x1b[2J\n" });
});

test('exit 2: usage', async () => {
  const { status, out, error } = await ctl('frobnicate');
  assert.deepEqual([status, out], [2, '']);
  assert.match(error, /^mobikectl: unknown command 'frobnicate'\n\nUsage: mobikectl /);
});

test('exit 3: no daemon, and which socket', async () => {
  const missing = await finished(spawn(process.execPath, [program, '--socket', join(folder, 'none.sock'), 'status']));
  assert.equal(missing.status, 3);
  assert.match(missing.error, /^mobikectl: no daemon on .*none\.sock: .*ENOENT/);
  const dies = await ctl('up', 'dies');
  assert.equal(dies.status, 3);
  assert.match(dies.error, /it closed the connection/);
});

test('exit 3: something else answers on the socket', async () => {
  for (const [answer, why] of [['HTTP/1.1 400 Bad Request\r\n\r\n', /not JSON/], ['{"id":1}\n', /neither reply nor event/], [Buffer.from([0xff, 0x0a]), /not UTF-8/]] as const) {
    const path = join(folder, `other${Math.trunc(performance.now() * 1000)}.sock`);
    const server: Server = createServer((client) => {
      client.on('error', () => {});
      client.write(answer);
    }).listen(path);
    await once(server, 'listening');
    const { status, error } = await finished(spawn(process.execPath, [program, '--socket', path, 'status']));
    assert.equal(status, 3);
    assert.match(error, why);
    server.close();
  }
});

test('--version prints the version alone, --help the usage; both need no daemon', async () => {
  assert.deepEqual(await finished(spawn(process.execPath, [program, '--version'])), { status: 0, out: '9.8.7\n', error: '' });
  const help = await finished(spawn(process.execPath, [program, '--help']));
  assert.equal(help.status, 0);
  assert.match(help.out, /^Usage: mobikectl /);
});
