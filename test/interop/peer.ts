/** What every foreign daemon can be asked by a story that does not care whose it is. */
export interface Peer {
  /** For messages and the matrix. */
  readonly name: string;
  /** Starts, also anew with the same configuration after `stop`. */
  start(): Promise<unknown>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sets IKE SA and Child SA up; resolves when the peer says that it is done. */
  initiate(): Promise<unknown>;
  rekeyChild(): Promise<unknown>;
  rekeyIke(): Promise<unknown>;
  /** Deletes the IKE SA with a Delete on the wire. */
  close(): Promise<unknown>;
  /** The IKE SAs that are up: a name that no other has had, and where the peer tells them the SPIs as mobikectl spells them, initiator first. */
  ikeSas(): Promise<readonly { readonly name: string; readonly spis?: readonly [string, string] }[]>;
  /** All it has logged. */
  readonly log: string;
  /** For a failed test. */
  report(): string;
}
