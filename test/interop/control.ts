/** The control socket of a running daemon, spoken directly: in a guest a process for each question would cost a second. */
import { createConnection, type Socket } from 'node:net';
import { COMMANDS, decodeReply, encodeRequest, type Command, type CommandDef } from '../../src/codec/control/index.ts';
import type { StampedEvent } from '../../src/report/index.ts';

export class Control {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { done(data: unknown): void; fail(error: Error): void }>();
  #id = 0;

  private constructor(socket: Socket, onEvent: (event: StampedEvent) => void) {
    this.#socket = socket;
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const { fail } of this.#waiting.values()) fail(new Error('the control socket was closed'));
    });
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#line(line, onEvent);
    });
  }

  /** Connects, and has every event told, those of the past first. */
  static async open(path: string, onEvent: (event: StampedEvent) => void): Promise<Control> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const made = new Control(socket, onEvent);
    for (const event of (await made.#ask({ command: 'events', args: {}, follow: true })) as readonly StampedEvent[]) onEvent(event);
    return made;
  }

  /** Runs a command that must be done. */
  request(command: string, ...words: readonly string[]): Promise<unknown> {
    const definition: CommandDef = COMMANDS[command as Command];
    return this.#ask({ command: command as Command, args: Object.fromEntries(words.map((word, at) => [definition.args[at]?.name ?? '', word])), follow: false });
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask(request: { readonly command: Command; readonly args: { readonly [name: string]: string }; readonly follow: boolean }): Promise<unknown> {
    const id = ++this.#id;
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      this.#socket.write(`${encodeRequest({ id, ...request })}\n`);
    });
  }

  #line(line: string, onEvent: (event: StampedEvent) => void): void {
    const reply = decodeReply(line);
    if (!reply.ok) return;
    if (reply.value.kind === 'event') return onEvent(reply.value.event as unknown as StampedEvent);
    const waiting = this.#waiting.get(reply.value.id ?? -1);
    this.#waiting.delete(reply.value.id ?? -1);
    if (reply.value.kind === 'done') waiting?.done(reply.value.data);
    else waiting?.fail(new Error(reply.value.error));
  }
}
