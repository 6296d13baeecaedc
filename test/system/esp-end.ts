// One end of a tunnel for the tests of the ESP plane: the real ports of this process, or those of a child process in a
// namespace of its own, driven by lines of JSON.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EspEffect, EspReport, Input, UdpEffect } from '../../src/ports/index.ts';
import { createEspPort } from '../../src/adapters/node/esp.ts';
import { NativeHost } from '../../src/adapters/node/native.ts';
import { createUdpPort } from '../../src/adapters/node/udp.ts';
import { sa } from '../esp/fixtures.ts';
import type { SaOptions } from '../esp/fixtures.ts';

const ROLE = 'MOBIKED_ESP_END';

type Order =
  /** A program with its words in one line, in the end's namespace. */
  | { op: 'ip' | 'nft'; line: string }
  | { op: 'sysctl'; name: string; value: string }
  | { op: 'udp'; effect: Omit<UdpEffect & { type: 'udp.open' }, 'type'> }
  | { op: 'sa'; options: Omit<SaOptions, 'key'> & { keyOctet: number } }
  | { op: 'esp'; effect: Exclude<EspEffect, { type: 'esp.sa.add' }> }
  /** A UDP socket on an inner address that sends everything back. */
  | { op: 'echo'; address: string; port: number }
  /** A TCP server that tells each client its address as the server sees it. */
  | { op: 'mirror'; address: string; port: number }
  | { op: 'inputs' }
  | { op: 'report' };

/** The ports of one end, in this process and namespace. */
export class EspEnd {
  readonly native = new NativeHost();
  readonly udp = createUdpPort(this.native);
  readonly esp = createEspPort(this.native);
  readonly inputs: Input[] = [];
  readonly #sockets: Socket[] = [];
  readonly deliver = (input: Input): void => void this.inputs.push(input.type === 'udp.received' ? { ...input, bytes: input.bytes.slice() } : input);

  async obey(order: Order): Promise<unknown> {
    switch (order.op) {
      case 'ip':
      case 'nft':
        return execFileSync(order.op, order.line.split(' '), { encoding: 'utf8' });
      case 'sysctl':
        return execFileSync('sysctl', ['-q', '-w', `${order.name}=${order.value}`]).length;
      case 'udp':
        return this.udp.perform({ type: 'udp.open', ...order.effect }, this.deliver);
      case 'sa':
        return this.esp.perform({ type: 'esp.sa.add', sa: sa({ ...order.options, key: new Uint8Array(order.options.suite?.octets ?? 36).fill(order.options.keyOctet) }) }, this.deliver);
      case 'esp':
        return this.esp.perform(order.effect, this.deliver);
      case 'echo': {
        const socket = createSocket(order.address.includes(':') ? 'udp6' : 'udp4');
        socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
        socket.bind(order.port, order.address);
        await once(socket, 'listening');
        this.#sockets.push(socket);
        return undefined;
      }
      case 'mirror': {
        const server = createServer((socket) => socket.end(socket.remoteAddress ?? ''));
        server.listen(order.port, order.address);
        await once(server, 'listening');
        return undefined;
      }
      case 'inputs':
        return this.inputs.map((input) => (input.type === 'udp.received' ? { ...input, bytes: [...input.bytes] } : input));
      case 'report':
        return this.report();
    }
  }

  report(): EspReport {
    let report: EspReport | undefined;
    this.esp.perform({ type: 'esp.poll' }, (input) => {
      if (input.type === 'esp.polled') report = input.report;
    });
    if (report === undefined) throw new Error('esp.poll was not answered');
    return report;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
    this.udp.close();
    this.esp.close();
    this.native.close();
  }
}

/** Runs as the far end when this process was started as one: true then, and the caller registers no test. */
export function isFarEnd(): boolean {
  if (process.env[ROLE] === undefined) return false;
  const end = new EspEnd();
  createInterface({ input: process.stdin }).on('line', (line) => {
    void end.obey(JSON.parse(line) as Order).then(
      (answer) => process.stdout.write(`${JSON.stringify({ answer })}\n`),
      (error: unknown) => process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`),
    );
  }).on('close', () => process.exit(0));
  process.stdout.write('{}\n');
  return true;
}

/** The far end, in a child process with a network namespace of its own; gone with this process. */
export class FarEnd {
  readonly #child: ChildProcess;
  readonly #waiting: { done: (line: string) => void; failed: (error: Error) => void }[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.done(line));
    child.once('exit', (code) => this.#waiting.forEach(({ failed }) => failed(new Error(`the far end ended: ${String(code)}`))));
  }

  /** @param where a namespace of its own, or the one of this process. */
  static async start(where: 'apart' | 'here' = 'apart'): Promise<FarEnd> {
    const command = [process.execPath, '--enable-source-maps', process.argv[1] ?? ''];
    const [program = '', ...args] = where === 'apart' ? ['unshare', '--net', ...command] : command;
    const child = spawn(program, args, {
      env: { ...process.env, [ROLE]: 'far' }, stdio: ['pipe', 'pipe', 'inherit'],
    });
    const far = new FarEnd(child);
    await far.#line();
    return far;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #line(): Promise<string> {
    return new Promise((done, failed) => void this.#waiting.push({ done, failed }));
  }

  async obey(order: Order): Promise<unknown> {
    const answer = this.#line();
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    const { error, answer: value } = JSON.parse(await answer) as { error?: string; answer?: unknown };
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async report(): Promise<EspReport> {
    return (await this.obey({ op: 'report' })) as EspReport;
  }

  async inputs(): Promise<Input[]> {
    return (await this.obey({ op: 'inputs' })) as Input[];
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** An inner UDP socket and the answers that came to it. */
export class Asker {
  readonly answers: string[] = [];
  readonly #socket: Socket;

  constructor(family: 'udp4' | 'udp6') {
    this.#socket = createSocket(family).on('message', (bytes) => this.answers.push(bytes.toString('latin1', 0, 4)));
  }

  async bind(local: string): Promise<this> {
    this.#socket.bind(0, local);
    await once(this.#socket, 'listening');
    return this;
  }

  ask(number: number, to: string, size = 100): void {
    this.#socket.send(String(number).padStart(4, '0').padEnd(size, 'x'), 7000, to);
  }

  /** Waits until `count` answers came or 2 s passed. */
  async until(count: number): Promise<number> {
    for (let i = 0; i < 200 && this.answers.length < count; i++) await sleep(10);
    return this.answers.length;
  }

  close(): void {
    this.#socket.close();
  }
}
