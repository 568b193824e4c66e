/**
 * What a face keeps on its device, in IndexedDB. Secrets are sealed with AES-256-GCM
 * before they are stored. Where the page is a secure context the key is a WebCrypto
 * key that cannot be exported. On plain http there is none: the key lies beside
 * what it seals, which keeps secrets out of plain sight and no more; `sealedWell`
 * tells, and the faces say so.
 */
import { gcm } from "@noble/ciphers/aes.js";

const version = 1;
const rows = "rows";
const keysRow = "keys";
const nonceBytes = 12;

export interface Sealed {
  nonce: Uint8Array<ArrayBuffer>;
  box: Uint8Array<ArrayBuffer>;
}

type Key = { web: CryptoKey } | { raw: Uint8Array<ArrayBuffer> };

/** Store is the rows of one face. Its methods may be called at any time, in any order. */
export interface Store {
  get<T>(key: string): Promise<T | undefined>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** deleteAll deletes the rows whose keys begin so. */
  deleteAll(prefix: string): Promise<void>;
  /** list returns the values whose keys begin so, by key. */
  list<T>(prefix: string): Promise<T[]>;
  /** seal and open keep a secret; open fails if a byte was changed. */
  seal(secret: Uint8Array): Promise<Sealed>;
  open(sealed: Sealed): Promise<Uint8Array>;
  /** Whether the sealing key cannot be read by this page. */
  sealedWell: boolean;
  /** Whether the browser has promised not to clear this by itself. */
  persisted(ask: boolean): Promise<boolean>;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the device's storage failed"));
  });
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(rows);
    request.result.createObjectStore(keysRow);
  };
  return done(request);
}

/** written resolves when a transaction is durable, not when its last request is. */
function written(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error("the device's storage refused to write"));
  });
}

async function sealingKey(db: IDBDatabase): Promise<Key> {
  const kept = await done(db.transaction(keysRow).objectStore(keysRow).get("seal") as IDBRequest<Key | undefined>);
  if (kept) return kept;
  const made: Key = globalThis.crypto.subtle
    ? { web: await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]) }
    : { raw: crypto.getRandomValues(new Uint8Array(32)) };
  // Another page of this face may have been first: its key stands.
  const tx = db.transaction(keysRow, "readwrite", { durability: "strict" });
  const store = tx.objectStore(keysRow);
  const first = await done(store.get("seal") as IDBRequest<Key | undefined>);
  if (!first) store.put(made, "seal");
  await written(tx);
  return first ?? made;
}

async function sealWith(key: Key, secret: Uint8Array): Promise<Sealed> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const plain = new Uint8Array(secret);
  const box =
    "web" in key
      ? new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key.web, plain))
      : new Uint8Array(gcm(key.raw, nonce).encrypt(plain));
  return { nonce, box };
}

async function openWith(key: Key, s: Sealed): Promise<Uint8Array> {
  if ("web" in key) {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: s.nonce }, key.web, s.box));
  }
  return gcm(key.raw, s.nonce).decrypt(s.box);
}

const range = (prefix: string) => IDBKeyRange.bound(prefix, `${prefix}\uffff`);

/** openStore opens the rows of a face: "wallet", "till", "console", "explorer". */
export async function openStore(face: string): Promise<Store> {
  const db = await openDatabase(`scrip-${face}`);
  const key = await sealingKey(db);
  const read = () => db.transaction(rows).objectStore(rows);
  const write = (act: (s: IDBObjectStore) => void): Promise<void> => {
    const tx = db.transaction(rows, "readwrite", { durability: "strict" });
    act(tx.objectStore(rows));
    return written(tx);
  };
  return {
    get: <T>(k: string) => done(read().get(k) as IDBRequest<T | undefined>),
    set: (k, value) => write((s) => s.put(value, k)),
    delete: (k) => write((s) => s.delete(k)),
    deleteAll: (prefix) => write((s) => s.delete(range(prefix))),
    list: <T>(prefix: string) => done(read().getAll(range(prefix)) as IDBRequest<T[]>),
    seal: (secret) => sealWith(key, secret),
    open: (sealed) => openWith(key, sealed),
    sealedWell: "web" in key,
    persisted: async (ask) => {
      if (!navigator.storage?.persisted) return false;
      return (await navigator.storage.persisted()) || (ask && (await navigator.storage.persist()));
    },
  };
}
