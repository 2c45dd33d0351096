import { startPostgres } from "../support/postgres.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";

/** A registry that clients are pointed at. */
export interface BackEnd {
  /** Where its rows and bytes are. */
  readonly name: string;
  /** `127.0.0.1:port`, plain HTTP. Undefined where its peers are not installed. */
  readonly registry: string | undefined;
}

/** Starts a registry on every back end. `stop` throws when something broke inside one. */
export async function startBackEnds(): Promise<{
  readonly backEnds: readonly BackEnd[];
  readonly stop: () => Promise<void>;
}> {
  const files = await startTestServer();
  const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
  const objects =
    postgres === undefined || s3 === undefined
      ? undefined
      : await startTestServer({ database: postgres.url, ...(await s3Settings(s3)) });
  return {
    backEnds: [
      { name: "SQLite and files", registry: files.host },
      { name: "PostgreSQL and S3", registry: objects?.host },
    ],
    async stop() {
      await Promise.all([files.close(), objects?.close()]);
      await s3?.close();
      await postgres?.stop();
      const errors = [...files.errors, ...(objects?.errors ?? [])];
      if (errors.length > 0) throw new Error(`a registry met trouble: ${JSON.stringify(errors)}`);
    },
  };
}
