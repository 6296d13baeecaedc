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

/** Whole ESP packets with AES-128-CBC, RFC 3602 §4 cases 5 to 8: SPI | sequence | IV | ciphertext; no ICV. */
export const CBC_VECTORS: readonly {
  readonly name: string;
  readonly key: string;
  readonly sequence: number;
  /** 1 ICMP (transport mode) or 4 IPv4 (tunnel mode). */
  readonly nextHeader: number;
  /** What is protected, without the trailer. */
  readonly payload: string;
  readonly packet: string;
}[] = [
  {
    name: 'RFC 3602 §4 case 5', key: '90d382b410eeba7ad938c46cec1a82bf', sequence: 1, nextHeader: 1,
    payload:
      '08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f1011121314151617' + '18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637',
    packet:
      '0000432100000001' + 'e96e8c08ab465763fd098d45dd3ff893' +
      'f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856' +
      'a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874a' + 'a269add047ad2d5913ac19b7cfbad4a6',
  },
  {
    name: 'RFC 3602 §4 case 6', key: '90d382b410eeba7ad938c46cec1a82bf', sequence: 8, nextHeader: 1,
    payload: '0800b5e8a80a0500a69c083d0b660e00777777777777777777777777',
    packet: '0000432100000008' + '69d08df7d203329db093fc4924e5bd80' + 'f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75',
  },
  {
    name: 'RFC 3602 §4 case 7', key: '0123456789abcdef0123456789abcdef', sequence: 2, nextHeader: 4,
    payload:
      '45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d' +
      '02a2040008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223' + '2425262728292a2b2c2d2e2f3031323334353637',
    packet:
      '0000876500000002' + 'f4e765244f6407adf13dc1380f673f37' +
      '773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8' +
      'e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5' + 'c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d',
  },
  {
    name: 'RFC 3602 §4 case 8', key: '0123456789abcdef0123456789abcdef', sequence: 5, nextHeader: 4,
    payload:
      '45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083d' + 'a3de0300ffffffffffffffffffffffffffffffffffffffffffffffffffffffff' + 'ffffffff',
    packet:
      '0000876500000005' + '85d47224b5f3dd5d2101d4ea8dffab22' +
      '15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb5' +
      '0f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3' + 'd2726d9b5ef6affc6d17a0decbb13892',
  },
];

/** RFC 7634 appendix A: a whole ESP packet with ChaCha20-Poly1305, without ESN. */
export const CHACHA_VECTOR = {
  key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f', salt: 'a0a1a2a3', sequence: 5,
  payload:
    '45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10' +
    '0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223' + '2425262728292a2b2c2d2e2f3031323334353637',
  packet:
    '0102030400000005' + '1011121314151617' +
    '24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6' +
    '14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3' + 'cbec163fac469b502773f6fb94e664da9165b82829f641e0' +
    '76aaa8266b7fb0f7b11b369907e1ad43',
} as const;
