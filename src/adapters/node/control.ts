import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { concat, err, fromUtf8, ok, type Result } from '../../base/index.ts';
import { encodeRefusal, MAX_REQUEST_LINE } from '../../codec/control/index.ts';
import type { EffectOf, Input, Port } from '../../ports/index.ts';

export type ControlEffect = EffectOf<'control.send' | 'control.close'>;

/** The control socket: lines in as inputs, effects out as lines. */
export interface ControlPort extends Port<ControlEffect> {
  /**
   * Makes the socket and accepts clients from now on; the error is a sentence for people. A socket left by a daemon that
   * died is replaced; one that somebody answers on is not.
   */
  listen(deliver: (input: Input) => void): Promise<Result<undefined>>;
}

/** Clients at a time; a person, a script, a web page and some that follow events. */
const MAX_CLIENTS = 16;
/** Octets waiting for a client that does not read; beyond it the client is dropped. Several full event rings. */
const MAX_PENDING = 4 * 1024 * 1024;
/** sun_path has 108 octets, one of them the end: longer paths would be cut silently. */
const MAX_PATH = 107;
/** How long a daemon may take to accept before its socket counts as answered all the same. */
const PROBE_MS = 1000;
/** How long a client that was told goodbye may take to read it. */
const LINGER_MS = 1000;
/** Pieces of a line that are kept apart; beyond it they are joined, since each costs far more than its octets. */
const MAX_CHUNKS = 64;

interface Client {
  readonly socket: Socket;
  /** The line begun but not ended. */
  chunks: Uint8Array[];
  length: number;
}

/** Undefined when nobody accepts connections on the socket; otherwise why it must not be taken. */
function inUse(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    const answered = `another mobiked runs: it answers on ${path}`;
    socket.setTimeout(PROBE_MS, () => done(answered));
    socket.once('connect', () => done(answered));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const free = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      done(free ? undefined : `cannot find out who uses ${path}: ${error.message}`);
    });
  });
}

/** Sends what is left and closes; a client that does not close its side is cut off. */
function finish(socket: Socket, lastLine?: string): void {
  if (lastLine === undefined) socket.end();
  else socket.end(`${lastLine}\n`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

/** Binds and listens with mode 0600 from the first moment on. */
function bind(server: Server, path: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const before = process.umask(0o177);
    try {
      server.once('error', resolve);
      server.listen(path, () => {
        server.off('error', resolve);
        resolve(undefined);
      });
    } finally {
      process.umask(before);
    }
  });
}

/** @param path of the socket; its folder is made when missing. */
export function createControlPort(path: string): ControlPort {
  const clients = new Map<number, Client>();
  let server: Server | undefined;
  let deliver: (input: Input) => void = () => {};
  let lastClient = 0;
  let closed = false;

  const drop = (id: number): void => {
    const client = clients.get(id);
    if (!client) return;
    clients.delete(id);
    client.socket.destroy();
    deliver({ type: 'control.closed', client: id });
  };

  /** Tells the client why and ends the connection. */
  const expel = (id: number, why: string): void => {
    const client = clients.get(id);
    if (!client) return;
    clients.delete(id);
    finish(client.socket, encodeRefusal(undefined, why));
    deliver({ type: 'control.closed', client: id });
  };

  const takeLine = (id: number, client: Client, end: Uint8Array): void => {
    const bytes = concat(...client.chunks, end);
    client.chunks = [];
    client.length = 0;
    const line = fromUtf8(bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes);
    if (line === undefined) expel(id, 'bad request: not UTF-8');
    else if (line.length > 0) deliver({ type: 'control.received', client: id, line });
  };

  const receive = (id: number, data: Uint8Array): void => {
    let from = 0;
    for (;;) {
      const client = clients.get(id); // a line may have made the core close it
      if (!client) return;
      const end = data.indexOf(0x0a, from);
      const rest = data.subarray(from, end < 0 ? undefined : end);
      if (client.length + rest.length > MAX_REQUEST_LINE) {
        expel(id, `bad request: a line has at most ${MAX_REQUEST_LINE} octets`);
        return;
      }
      if (end < 0) {
        if (rest.length > 0) client.chunks.push(new Uint8Array(rest));
        if (client.chunks.length > MAX_CHUNKS) client.chunks = [concat(...client.chunks)];
        client.length += rest.length;
        return;
      }
      takeLine(id, client, rest);
      from = end + 1;
    }
  };

  const accept = (socket: Socket): void => {
    socket.on('error', () => {}); // 'close' follows
    if (clients.size >= MAX_CLIENTS) {
      finish(socket, encodeRefusal(undefined, `too many clients (${MAX_CLIENTS}) on the control socket`));
      return;
    }
    const id = ++lastClient;
    clients.set(id, { socket, chunks: [], length: 0 });
    socket.on('data', (data: Uint8Array) => receive(id, data));
    socket.on('close', () => drop(id));
  };

  /** Makes room for the socket: its folder is there, and nobody uses the name. */
  const clear = async (): Promise<Result<undefined>> => {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    } catch (error) {
      return err(`cannot make the folder of the control socket ${path}: ${(error as Error).message}`);
    }
    let isSocket: boolean;
    try {
      isSocket = lstatSync(path).isSocket();
    } catch {
      return ok(undefined); // nothing there
    }
    if (!isSocket) return err(`${path} is in the way: it is not a socket`);
    const why = await inUse(path);
    if (why !== undefined) return err(why);
    try {
      unlinkSync(path);
    } catch (error) {
      return err(`cannot remove the old control socket ${path}: ${(error as Error).message}`);
    }
    return ok(undefined);
  };

  return {
    async listen(to) {
      if (Buffer.byteLength(path) > MAX_PATH) return err(`the path of the control socket is longer than ${MAX_PATH} octets: ${path}`);
      const room = await clear();
      if (!room.ok || closed) return room;
      deliver = to;
      server = createServer(accept);
      const error = await bind(server, path);
      if (error) {
        server = undefined;
        return err(error.code === 'EADDRINUSE' ? `another mobiked runs: it took ${path} first` : `cannot make the control socket ${path}: ${error.message}`);
      }
      server.on('error', () => {}); // accept() failed (descriptors): the client sees it
      return ok(undefined);
    },

    perform(effect) {
      const client = clients.get(effect.client);
      if (!client) return; // gone meanwhile; `control.closed` says so
      if (effect.type === 'control.close') {
        clients.delete(effect.client);
        finish(client.socket);
        return;
      }
      client.socket.write(`${effect.line}\n`);
      if (client.socket.writableLength > MAX_PENDING) drop(effect.client);
    },

    /** Removes the socket as well. */
    close() {
      closed = true;
      deliver = () => {};
      for (const { socket } of clients.values()) socket.destroySoon();
      clients.clear();
      server?.close();
      server = undefined;
    },
  };
}
