export { StorageError } from "./driver.ts";
export type {
  BlobDriver,
  ObjectEntry,
  ObjectKey,
  ObjectReader,
  ObjectWriter,
  StorageErrorReason,
  WriterState,
} from "./driver.ts";
