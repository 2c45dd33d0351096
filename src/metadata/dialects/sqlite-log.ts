import { existsSync, linkSync, renameSync, rmSync, statSync } from "node:fs";
import { MetadataError } from "../metadata.ts";

/*
 * SQLite's log holds commits that are in no other file. When a connection closes as the last one, SQLite folds the log
 * back and removes it; but where the log's index could not be made (its file fails to be cut to length, and may then be
 * opened for reading only), closing finds nothing to fold back and removes the log all the same, with all that is in it.
 * So the log has a second name while it is opened:
 *
 *   berth.db-wal        the log
 *   berth.db-wal-kept   the same file; there only until the log has been read, or when a process died before that
 */

/** A log that cannot get lost. */
export interface KeptLog {
  /** The log has been read: it needs its second name no more. */
  release(): void;
  /** The connection was given up and is closed: the log is there again, whatever became of it. */
  putBack(): void;
}

/**
 * Gives the log of a database a second name, after putting back one that a process which died had left.
 * @param path the database's file, which nothing has open
 * @throws MetadataError `failed` when there are two different logs
 */
export function keepLog(path: string): KeptLog {
  const [log, kept] = [`${path}-wal`, `${path}-wal-kept`];
  const putBack = () => {
    if (!existsSync(kept)) return;
    if (!existsSync(log)) renameSync(kept, log);
    else if (isSame(log, kept)) rmSync(kept);
    else {
      const message = `there are two logs of the database, ${log} and ${kept}, and the commits of one would be lost: copy both with ${path}, then remove the one that does not belong to it`;
      throw new MetadataError("failed", message);
    }
  };
  putBack();
  if (existsSync(log)) {
    try {
      linkSync(log, kept);
    } catch {
      // A file system without second names, or one that has no room for it: the log is opened as it is.
    }
  }
  return { release: () => rmSync(kept, { force: true }), putBack };
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)];
  return a.ino === b.ino && a.dev === b.dev;
}
