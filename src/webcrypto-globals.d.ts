/*
 * pkijs declares its interface with the DOM's names. Without the DOM library and with skipLibCheck those
 * would silently become `any`, and a call such as certificate.sign(42) would compile.
 */
type CryptoKey = import('node:crypto').webcrypto.CryptoKey;
type CryptoKeyPair = import('node:crypto').webcrypto.CryptoKeyPair;
type SubtleCrypto = import('node:crypto').webcrypto.SubtleCrypto;
type Crypto = import('node:crypto').webcrypto.Crypto;
type BufferSource = import('node:crypto').webcrypto.BufferSource;
type Algorithm = import('node:crypto').webcrypto.Algorithm;
type AlgorithmIdentifier = import('node:crypto').webcrypto.AlgorithmIdentifier;
type KeyFormat = import('node:crypto').webcrypto.KeyFormat;
type KeyType = import('node:crypto').webcrypto.KeyType;
type KeyUsage = import('node:crypto').webcrypto.KeyUsage;
type JsonWebKey = import('node:crypto').webcrypto.JsonWebKey;
