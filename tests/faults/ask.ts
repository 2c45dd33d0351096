/** An answer as far as it came. Status 0: the connection broke. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Sends a request. A broken connection is an answer with status 0; it never rejects. */
export async function ask(
  url: string,
  method: string,
  body?: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
  } catch {
    return { status: 0, headers: new Headers(), body: Buffer.alloc(0) };
  }
}
