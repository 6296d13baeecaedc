import type { NativeHost } from './native.ts';
import type { NetlinkFactory } from './netlink.ts';
import { nativeNetlink } from './netlink-native.ts';
import { loadNpmNetlink } from './netlink-npm.ts';

/**
 * Chooses the netlink sockets: the npm package `netlink` where it loads (glibc), our addon otherwise. `log` gets one
 * line that names the choice and why. `host` is asked only when the addon is needed.
 */
export function pickNetlink(host: () => NativeHost, log: (text: string) => void, loadNpm: () => NetlinkFactory = loadNpmNetlink): NetlinkFactory {
  let npm: NetlinkFactory;
  try {
    npm = loadNpm();
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown';
    const native = nativeNetlink(host());
    log(`netlink: our addon (the npm package does not load: ${why})`);
    return native;
  }
  log('netlink: npm package');
  return npm;
}
