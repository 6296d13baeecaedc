/**
 * codec/control: the lines of the control socket, both ways. One JSON object a line: a request `{id, command, args}`, its
 * reply `{id, ok: true, data}` or `{id, ok: false, error}`, and after an `events` request with `follow` one `{id, event}`
 * for each event that happens. It owns no socket and does not know what the commands mean; it never throws, whatever
 * the bytes, and nothing it decodes is deeper or longer than the bounds beside it.
 */
export { MAX_DEPTH, parseJsonObject } from './json.ts';
export { COMMANDS, type Command, type CommandDef } from './commands.ts';
export {
  decodeReply, decodeRequest, encodeEvent, encodeRefusal, encodeReply, encodeRequest, MAX_REPLY_LINE, MAX_REQUEST_LINE,
  type ControlReply, type ControlRequest, type RefusedRequest,
} from './lines.ts';
