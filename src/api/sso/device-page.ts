import { createHash } from "node:crypto";
import { sendRefusal } from "../http/index.ts";
import type { Exchange } from "../http/index.ts";
import type { WaitingMachine } from "../../access/index.ts";

/** Where somebody types the code of a machine without a browser. */
export const devicePath = "/device";

const style =
  "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}" +
  "input,button{font:inherit;padding:.4rem .8rem;margin:.2rem .4rem .2rem 0}input{letter-spacing:.1em;text-transform:uppercase}" +
  "strong{overflow-wrap:anywhere}";

/** No scripts, no frames, nothing from elsewhere; forms go to us alone. */
const headers = [
  "Content-Security-Policy",
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  ...["X-Frame-Options", "DENY", "X-Content-Type-Options", "nosniff", "Cross-Origin-Opener-Policy", "same-origin"],
  // With `no-referrer` a browser would not say of its own forms where they come from.
  ...["Referrer-Policy", "same-origin", "Cache-Control", "no-store"],
];

/** What a page shows beside its text. */
export interface Page {
  readonly status: number;
  readonly body: string;
  /** Where the browser goes by itself. */
  readonly next?: string;
  readonly cookies?: readonly string[];
  readonly retryAfter?: number | undefined;
}

/** Answers with a page. */
export function sendPage(exchange: Exchange, { status, body, next, cookies = [], retryAfter }: Page): void {
  const refresh = next === undefined ? "" : `<meta http-equiv="refresh" content="0; url=${escape(next)}">`;
  const text =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}` +
    `<title>Berth</title><style>${style}</style></head><body>${body}</body></html>\n`;
  const set = cookies.flatMap((cookie) => ["Set-Cookie", cookie]);
  const told = { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
  sendRefusal(exchange, told, [...headers, ...set], text, "text/html; charset=utf-8");
}

/** An empty field for the code. @param token of this page and browser @param problem what was wrong with the last one */
export function codeForm(token: string, problem?: string): string {
  return (
    "<h1>Log a machine in</h1>" +
    (problem === undefined ? "" : `<p role="alert"><strong>${escape(problem)}</strong></p>`) +
    "<p>Type the code that the machine shows. Type none that somebody sent you.</p>" +
    `<form method="post" action="${devicePath}"><input type="hidden" name="page" value="${escape(token)}">` +
    '<input name="user_code" aria-label="Code" autocomplete="off" autofocus required maxlength="20" placeholder="XXXX-XXXX">' +
    "<button>Go on</button></form>"
  );
}

/** Who asked and from where, before anybody lets it in. @param token of this machine and browser */
export function machineForm(machine: WaitingMachine, token: string): string {
  const { client, address, askedAt, providers } = machine;
  const minutes = Math.floor((Date.now() - askedAt) / 60_000);
  const when = minutes < 1 ? "less than a minute ago" : `${minutes} minute${minutes === 1 ? "" : "s"} ago`;
  const buttons = providers.map(
    (name) => `<button name="provider" value="${escape(name)}">Log it in as me, with ${escape(name)}</button>`,
  );
  return (
    "<h1>Is this your machine?</h1>" +
    `<p>A machine that calls itself <strong>${escape(client)}</strong>, at the address <strong>${escape(address)}</strong>, ` +
    `asked ${when} to be logged in. It will be able to do what you may do.</p>` +
    "<p>Go on only if you began this yourself, on that machine. If somebody sent you the code, say no: they are trying to get in as you.</p>" +
    `<form method="post" action="${devicePath}"><input type="hidden" name="machine" value="${escape(token)}">` +
    `${buttons.join("")}<button name="deny" value="yes">No, it is not mine</button></form>`
  );
}

/** A sentence. */
export function note(title: string, text: string): string {
  return `<h1>${escape(title)}</h1><p>${escape(text)}</p>`;
}

/** A page that sends the browser on. */
export function wayTo(name: string, place: string): string {
  return `<p><a href="${escape(place)}">Go on to ${escape(name)}</a></p>`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}
