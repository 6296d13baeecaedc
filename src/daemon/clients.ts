import type { Json } from '../base/index.ts';
import { decodeRequest, encodeEvent, encodeRefusal, encodeReply } from '../codec/control/index.ts';
import type { EventLog, StampedEvent } from '../report/index.ts';
import type { CommandResult, Turn } from './context.ts';

/** Clients that follow events at once; the port bounds the rest. */
const FOLLOWERS_MOST = 32;

/** The clients of the control socket: requests in, replies out, and events to those that follow. */
export class Clients {
  /** Client -> number of its `events` request. */
  readonly #followers = new Map<number, number>();
  /** `reload` requests that wait for the configuration to be read. */
  #reloads: { readonly client: number; readonly id: number }[] = [];

  received(client: number, line: string, run: (command: string, args: { readonly [name: string]: string }) => CommandResult, log: EventLog | undefined, turn: Turn): void {
    const send = (text: string): void => turn.emit({ type: 'control.send', client, line: text });
    const request = decodeRequest(line);
    if (!request.ok) return send(encodeRefusal(request.error.id, request.error.error));
    const { id, command, args, follow } = request.value;
    if (command === 'events' && follow) {
      if (this.#followers.size >= FOLLOWERS_MOST) return send(encodeRefusal(id, 'too many clients follow events'));
      this.#followers.set(client, id);
      return send(encodeReply(id, JSON.parse(JSON.stringify(log?.after(0) ?? [])) as Json));
    }
    if (command === 'reload') {
      if (this.#reloads.length >= FOLLOWERS_MOST) return send(encodeRefusal(id, 'too many clients ask for a reload'));
      this.#reloads.push({ client, id });
    }
    const result = run(command, args);
    if (command === 'reload' && result.ok) return;
    send(result.ok ? encodeReply(id, result.data) : encodeRefusal(id, result.error));
  }

  /** Answers those who asked for it once the configuration has been read: what is wrong with it, in lines. */
  reloaded(problems: readonly string[], turn: Turn): void {
    const waiting = this.#reloads;
    this.#reloads = [];
    for (const { client, id } of waiting) turn.emit({ type: 'control.send', client, line: encodeReply(id, { problems }) });
  }

  closed(client: number): void {
    this.#followers.delete(client);
    this.#reloads = this.#reloads.filter((r) => r.client !== client);
  }

  event(event: StampedEvent, turn: Turn): void {
    for (const [client, id] of this.#followers) turn.emit({ type: 'control.send', client, line: encodeEvent(id, event) });
  }
}
