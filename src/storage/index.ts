export { BlobStore } from "./blob-store.ts";
export type { BlobStoreOptions, ReadRange } from "./blob-store.ts";
export type { BlobWriter, SuspendedBlob, WrittenBlob } from "./blob-writer.ts";
export type { Fingerprint, HashAlgorithm } from "./digester.ts";
export { StorageError } from "./driver.ts";
export type { BlobDriver, ObjectKey, ObjectReader, StorageErrorReason, WriterState } from "./driver.ts";
export { filesystemDriver } from "./drivers/filesystem.ts";
export { memoryDriver } from "./drivers/memory.ts";
