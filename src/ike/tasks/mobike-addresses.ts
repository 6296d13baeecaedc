import { after, ipBytes, ipFamily, ipFromBytes, isUnusableIp, millis, rangeContains, samePath, type IpAddress, type Path } from '../../base/index.ts';
import { findNotify, notify, notifyName, type NotifyPayload, type Payload } from '../../codec/ike/index.ts';
import { ADDRESSES_PACE, ADDRESSES_SENT_MOST, ADDRESSES_SETTLE, ADDRESSES_STORED_MOST, HOLD_TIME, PATHS_MOST } from '../constants.ts';
import type { Ctx } from '../context.ts';
import { Cookie2 } from '../cookie2.ts';
import { noNats } from '../encapsulation.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { endpointKey, isVerified, seldomer } from '../mobility.ts';
import type { OwnAddresses } from '../types.ts';

/*
 * RFC 4555 §3.4, §3.6: the addresses of both ends. What the peer lists is remembered and told to the daemon, and moves nothing. What we
 * have is told in IKE_AUTH, in UPDATE_SA_ADDRESSES, and in requests of its own when it changes, never in a response (D59-4). A responder
 * whose own end of the path is gone asks over every pair that is left, slower than an initiator would (M3.6-8); the answer to a request
 * that went over one pair alone proves that pair, and ESP turns to it.
 */

/** What this host announces, less the address of the header, which belongs to the set unsaid (D6.4-1); undefined: it says nothing. */
function announced(own: OwnAddresses | undefined, path: Path): readonly IpAddress[] | undefined {
  return own?.announce?.filter((address) => address !== path.local.address).slice(0, ADDRESSES_SENT_MOST);
}

const toldKey = (own: OwnAddresses): string => own.announce?.join() ?? '';

/** One notify each, best first (D6.3-1, D6.3-2). */
const listed = (addresses: readonly IpAddress[]): NotifyPayload[] =>
  addresses.map((address) => notify(ipFamily(address) === 4 ? 'ADDITIONAL_IP4_ADDRESS' : 'ADDITIONAL_IP6_ADDRESS', ipBytes(address)));

/** Our list for a message that leaves on `path`. That there is no other address goes without saying in IKE_AUTH; elsewhere a notify says it. */
export function addressNotifies(sa: IkeSa, path: Path, exchange: 'IKE_AUTH' | 'INFORMATIONAL', ctx: Ctx): NotifyPayload[] {
  const own = ctx.host.own(sa.name);
  const addresses = announced(own, path);
  if (!own || !addresses) return [];
  sa.mobility.told = toldKey(own);
  return addresses.length > 0 || exchange === 'IKE_AUTH' ? listed(addresses) : [notify('NO_ADDITIONAL_ADDRESSES')];
}

/** The peer knows another list than ours. */
function isNews(sa: IkeSa, ctx: Ctx): boolean {
  const own = ctx.host.own(sa.name);
  if (!own?.announce || toldKey(own) === sa.mobility.told) return false;
  return sa.mobility.told !== undefined || announced(own, sa.path)?.length !== 0;
}

/** Octets of an address in a notify that lists one; undefined for other notifies, and where the length is not right (M4-1). */
function addressIn(payload: Payload): IpAddress | undefined {
  if (payload.type !== 'N') return undefined;
  const name = notifyName(payload.notify);
  const length = name === 'ADDITIONAL_IP4_ADDRESS' ? 4 : name === 'ADDITIONAL_IP6_ADDRESS' ? 16 : 0;
  return length > 0 && payload.data.length === length ? ipFromBytes(payload.data) : undefined;
}

/** Takes the peer's list from an authenticated message that came on `path`; it replaces the one before (M3.6-1), and nothing moves (M3.4-2). */
export function takeAddresses(sa: IkeSa, messageId: number, payloads: readonly Payload[], path: Path, ctx: Ctx): void {
  const told = payloads.flatMap((p) => addressIn(p) ?? []);
  const isNone = findNotify(payloads, 'NO_ADDITIONAL_ADDRESSES') !== undefined;
  if (told.length === 0 && !isNone) return; // D5.4-1: no list, and what was listed before stands
  if (messageId < sa.mobility.lastListId) return; // M3.6-2
  sa.mobility.lastListId = messageId;
  if (isNone && told.length > 0) sa.log('info', 'the peer lists addresses and says that it has no others; the list is taken', ctx); // M3.6-7
  const usable = told.filter((address) => !isUnusableIp(address) && !isInner(sa, address, path));
  const addresses = [...new Set([path.remote.address, ...usable])].slice(0, ADDRESSES_STORED_MOST + 1);
  sa.mobility.theirs = addresses;
  sa.event({ type: 'peer.addresses', chain: sa.chain, connection: sa.name, addresses, path }, ctx);
}

/** M3.4-5: an address behind the tunnel is no way to it; a selector that the peer's outer address lies in as well (all of IPv4) says nothing. */
const isInner = (sa: IkeSa, address: IpAddress, path: Path): boolean =>
  [...sa.children.values()].some((child) => child.remote.some((s) => rangeContains(s, address) && !rangeContains(s, path.remote.address)));

const hasEnd = (own: OwnAddresses | undefined, { local, ifindex }: Path): boolean => own?.sources.some((s) => s.address === local.address && s.ifindex === ifindex) ?? false;

/** The addresses of this host were `before`, and are what `ctx.host.own` says. */
export function ownAddressesChanged(sa: IkeSa, before: OwnAddresses | undefined, ctx: Ctx): void {
  if (!sa.isEstablished || !sa.mobility.supported) return;
  if (sa.mobikeRole === 'responder') {
    const isHere = hasEnd(ctx.host.own(sa.name), sa.path);
    if (hasEnd(before, sa.path) && !isHere) return strand(sa, ctx);
    if (isHere && sa.mobility.stranded?.turned === false) settle(sa);
    else if (sa.mobility.stranded) return proceedAddresses(sa, ctx);
  }
  scheduleNews(sa, ctx);
}

/** A move that the same change brings tells the list in its own request; changes come in steps. */
export function scheduleNews(sa: IkeSa, ctx: Ctx): void {
  if (sa.mobility.supported && isNews(sa, ctx)) sa.timers.setIfEarlier('addresses', after(ctx.now, ADDRESSES_SETTLE));
}

/** The current path has an end of ours again that the peer knows. */
export function settle(sa: IkeSa): void {
  if (!sa.mobility.stranded) return;
  sa.mobility.stranded = undefined;
  sa.timers.clear('addresses');
}

/** Pairs of what is left of our addresses with where the peer is and may be, the present one first (M3.6-8): the only use of its list (M3.4-3). */
function pairsLeft(sa: IkeSa, ctx: Ctx): Path[] {
  const { local: { port }, remote } = sa.path; // the ports of IKE are the same at both ends, but for NATs
  const remotes = [remote, ...sa.mobility.theirs.filter((address) => address !== remote.address).map((address) => ({ address, port }))];
  const sources = ctx.host.own(sa.name)?.sources ?? [];
  const pairs = remotes.flatMap((to) => sources.filter((s) => ipFamily(s.address) === ipFamily(to.address)).map((s): Path => ({
    uplink: s.uplink, ifindex: s.ifindex, local: { address: s.address, port }, remote: to,
  })));
  return pairs.slice(0, PATHS_MOST - 1);
}

/** Our end of the path is gone. */
function strand(sa: IkeSa, ctx: Ctx): void {
  sa.mobility.stranded = { since: sa.mobility.stranded?.since ?? ctx.now, tried: 0, wait: ADDRESSES_PACE, next: undefined, turned: false };
  const [first] = pairsLeft(sa, ctx);
  // M3.5-23: a peer that is behind no NAT hears us from elsewhere as well; behind one that lets in only whom it has spoken to, it must speak first.
  if (first && !sa.natRemote && endpointKey(first) === endpointKey(sa.path)) turnTo(sa, first, ctx);
  proceedAddresses(sa, ctx);
}

/** The next pair of a responder that lost its end, or a list that is due. */
export function proceedAddresses(sa: IkeSa, ctx: Ctx): void {
  const { stranded } = sa.mobility;
  if (!stranded) {
    if (isNews(sa, ctx) && !sa.exchanges.has('addresses')) sa.exchanges.enqueue(addressesTask(false));
    return;
  }
  const pairs = pairsLeft(sa, ctx);
  const pair = pairs[stranded.tried % pairs.length];
  if (!pair) return; // an address that comes begins anew
  stranded.tried++;
  stranded.next ??= pair;
  if (!sa.exchanges.has('addresses')) sa.exchanges.enqueue(addressesTask(true), true);
  sa.exchanges.pump(ctx);
  sa.exchanges.race([pair], ctx);
  if (stranded.tried % pairs.length === 0) stranded.wait = seldomer(stranded.wait);
  sa.timers.set('addresses', after(ctx.now, stranded.wait));
}

/** Something was answered on `path` while our end of the current one is gone: the next request goes there alone. */
export function noteAnswer(sa: IkeSa, path: Path): void {
  if (sa.mobility.stranded) sa.mobility.stranded.next = path;
}

/** ESP and everything we ask leaves from another address of ours, without an update of the peer. */
function turnTo(sa: IkeSa, to: Path, ctx: Ctx): void {
  const from = sa.path;
  if (sa.mobility.stranded) sa.mobility.stranded.turned = true;
  if (samePath(from, to)) return;
  sa.path = to;
  ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: to, encapsulation: sa.encapsulation, opensPinhole: false });
  const took = millis(ctx.now - (sa.mobility.stranded?.since ?? ctx.now));
  sa.event({ type: 'path.moved', chain: sa.chain, connection: sa.name, from, to, reasons: ['own_address_lost', 'without_update'], took }, ctx);
  sa.exchanges.retarget(from, ctx);
}

/** Our list in a request of its own (RFC 4555 §3.6). `insists`: although the peer may know it (M3.6-6). */
function addressesTask(insists: boolean): Task {
  const cookie2 = new Cookie2();
  let asked: Path | undefined;
  return {
    kind: 'addresses', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    get path() {
      return asked;
    },
    build(sa, ctx) {
      if (!sa.isEstablished || (!insists && !isNews(sa, ctx))) return undefined;
      asked = sa.mobility.stranded?.next ?? sa.path;
      const list = addressNotifies(sa, asked, 'INFORMATIONAL', ctx);
      // A host that announces nothing still has one address: the header's.
      return [...(list.length > 0 ? list : [notify('NO_ADDITIONAL_ADDRESSES')]), ...(sa.nat.traversal ? [] : [noNats(asked)]), cookie2.draw(ctx)]; // M3.9-1
    },
    onResponse(old, payloads, answer, ctx) {
      const isReturned = cookie2.returned(old, payloads, 'our list of addresses', ctx);
      if (isReturned === undefined) return;
      const sa = old.latest;
      if (!sa.isEstablished) return;
      // M3.6-6: nobody knows which copy, and so which header, the peer took. An SA rekeyed meanwhile has message IDs of its own.
      if (!answer.onePath || sa !== old) return sa.exchanges.enqueue(addressesTask(true), true);
      // M3.9-4: the list was not taken. What is asked about that pair next says the same, so nothing turns there.
      if (findNotify(payloads, 'UNEXPECTED_NAT_DETECTED') && sa.mobility.stranded) sa.mobility.stranded.next = undefined;
      if (findNotify(payloads, 'UNEXPECTED_NAT_DETECTED')) return sa.log('info', `addresses are translated on the way to ${answer.path.remote.address}, which is not allowed`, ctx);
      if (!sa.mobility.stranded || !asked) return;
      // Where the peer was known to receive, an answer is enough; elsewhere it must show that it receives there (D5.5-1).
      const isKnown = endpointKey(asked) === endpointKey(sa.path) || isVerified(sa.mobility, asked, ctx.now);
      if (!isKnown && !isReturned) return;
      turnTo(sa, asked, ctx);
      settle(sa);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to our list of addresses', ctx),
  };
}
