import { isEndOf, sameEndpoint, type Endpoint, type Instant, type Path } from '../base/index.ts';
import type { EspReport } from '../ports/index.ts';

/** From where the newest ESP of a bundle comes, and since when that was seen. */
export interface Roamed {
  readonly remote: Endpoint;
  readonly at: Instant;
}

/**
 * M3.8-5: the peer's end, as ESP in UDP shows it, when that is another than the path's: a packet ahead of all that came before it under its SA
 * arrived from there later than any such packet from where we have the peer.
 */
export function roamedTo(inbound: EspReport['bundles'][number]['inbound'], path: Path): Roamed | undefined {
  let newest: Roamed | undefined;
  for (const { local, remote, ahead } of inbound)
    if (ahead !== undefined && remote.port !== 0 && isEndOf(local, path.local) && (newest === undefined || ahead > newest.at)) newest = { remote, at: ahead };
  return newest && !sameEndpoint(newest.remote, path.remote) ? newest : undefined;
}
