/** Whole ESP packets with AES-GCM from draft-mcgrew-gcm-test-01 §4: SPI | sequence | IV | ciphertext | ICV. Next header 1, IV not the sequence. */
export const GCM_VECTORS: readonly {
  readonly name: string;
  readonly key: string;
  readonly salt: string;
  readonly esn: boolean;
  /** 64 bits with ESN. */
  readonly sequence: number;
  readonly packet: string;
  /** Decrypted, trailer included. */
  readonly plain: string;
  /** Octets without the trailer. */
  readonly payload: number;
}[] = [
  {
    name: 'draft-mcgrew-gcm-test-01 case with ESN, 128 bits', esn: true, sequence: 0x87654321 * 2 ** 32, payload: 68,
    key: '4c80cdefbb5d10da906ac73c3613a634', salt: '2e443b68',
    packet:
      '00004321 00000000 4956ed7e3b244cfe' +
      'fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d' +
      '15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732' + '459018148f6cbe722fd04796562dfdb4',
    plain:
      '45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f75647003736970' +
      '0963796265726369747902646b000021000101020201',
  },
  {
    name: 'draft-mcgrew-gcm-test-01 case without ESN, 128 bits', esn: false, sequence: 10, payload: 62,
    key: 'feffe9928665731c6d6a8f9467308308', salt: 'cafebabe',
    packet:
      '0000a5f8 0000000a facedbaddecaf888' +
      'deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642' +
      'cfbb85a5b47e48a4ec3b9ba95d918bd1' + '83b70d3aa8bc6ee4c309e9d85a41ad4a',
    plain:
      '4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d001000001000000000000037369700963796265726369' +
      '747902646b00000100010001',
  },
  {
    name: 'draft-mcgrew-gcm-test-01 case without ESN, 256 bits', esn: false, sequence: 2, payload: 48,
    key: 'abbccddef00112233445566778899aababbccddef00112233445566778899aab', salt: '11223344',
    packet:
      '4a2cbfe3 00000002 0102030405060708' +
      'ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e' +
      'b335f4eecfdbf831824b4c4915956c96',
    plain: '4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b40101040201020201',
  },
];
