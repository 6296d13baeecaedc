/** What every foreign daemon can be asked by a story that does not care whose it is. */
export interface Peer {
  /** For messages and the matrix. */
  readonly name: string;
  /** Starts anew with the same configuration after `stop`. */
  restart(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sets IKE SA and Child SA up; resolves when the peer says that it is done. */
  initiate(): Promise<unknown>;
  rekeyChild(): Promise<unknown>;
  rekeyIke(): Promise<unknown>;
  /** Deletes the IKE SA with a Delete on the wire. */
  close(): Promise<unknown>;
  /** SPIs of the IKE SAs that are up, as mobikectl spells them, initiator first. */
  ikeSpis(): Promise<readonly (readonly [string, string])[]>;
  /** For a failed test. */
  report(): string;
}
