import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { parseGroupMapping } from "../../src/access/index.ts";
import type { SsoProvider } from "../../src/access/index.ts";

export interface ServeOptions {
  readonly groupsInToken?: boolean;
  readonly userinfo?: boolean;
  readonly accessAge?: number;
}

/** A provider of OpenID Connect on loopback, in which somebody is always logged in. */
export class SsoTestProvider {
  static readonly secret = "canary-of-the-client";
  /** Whoever is in front of the browser, as the provider knows them. */
  person = { sub: "1", name: "alice", groups: ["dev"] };
  /** It says no. */
  refuses = false;
  /** People whom it knows no more, by `sub`. */
  readonly gone = new Set<string>();
  /** It breaks every connection. */
  down = false;
  /** What it waits for before it answers. */
  holds: Promise<void> | undefined;
  /** Secrets that it gave: access tokens and refresh tokens. */
  readonly given: string[] = [];
  /** Requests for tokens by a refresh token, and for userinfo; what it thought of the former. */
  readonly asked = { refresh: 0, userinfo: 0, refused: 0 };
  readonly #listener = createServer();
  readonly #parameters: Readonly<Record<string, string>>;

  private constructor(parameters: Readonly<Record<string, string>>) {
    this.#parameters = parameters;
  }

  /** @param refreshes whether registries ask so that it gives refresh tokens: this one does to who asks for consent */
  static async listen({ refreshes = false } = {}): Promise<SsoTestProvider> {
    const provider = new SsoTestProvider(refreshes ? { prompt: "consent" } : {});
    await new Promise<void>((resolve) => provider.#listener.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** As the registry's settings name it. */
  settings(name: string) {
    const { issuer } = this;
    return {
      ...{ name, issuer, clientId: "berth", clientSecret: SsoTestProvider.secret },
      ...{ scopes: ["openid", "profile"], groups: [], parameters: this.#parameters },
    };
  }

  /** The same, as the registry holds it. */
  provider(name: string): SsoProvider {
    return {
      ...this.settings(name),
      offlineAccess: true,
      nameClaim: "preferred_username",
      groupsClaim: "groups",
      groups: parseGroupMapping([]),
    };
  }

  /**
   * @param redirectUris of the registries
   * @param more `groupsInToken`: claims are in the identity token, too; `userinfo`: there is such an endpoint; `accessAge` of access tokens in seconds
   */
  serve(redirectUris: string[], { groupsInToken = true, userinfo = true, accessAge = 3600 }: ServeOptions = {}): void {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          ...{ client_id: "berth", client_secret: SsoTestProvider.secret },
          ...{ token_endpoint_auth_method: "client_secret_post", redirect_uris: redirectUris },
          grant_types: ["authorization_code", "refresh_token"],
        },
      ],
      claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"] },
      conformIdTokenClaims: !groupsInToken,
      scopes: ["openid", "offline_access"],
      // Good once; one that comes again ends the whole login.
      rotateRefreshToken: true,
      ttl: { AccessToken: accessAge, RefreshToken: 14 * 86_400 },
      cookies: { keys: ["key"] },
      features: { devInteractions: { enabled: false }, userinfo: { enabled: userinfo } },
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      findAccount: (_context, accountId) =>
        this.gone.has(accountId)
          ? undefined
          : {
              accountId,
              claims: () => {
                const { name, groups } = this.person;
                return { sub: accountId, preferred_username: name, name: "A Person", groups };
              },
            },
      async loadExistingGrant(context) {
        const { client, session } = context.oidc;
        const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! });
        grant.addOIDCScope("openid profile offline_access");
        await grant.save();
        return grant;
      },
    });
    provider.use(async (context, next) => {
      await next();
      const { access_token, refresh_token } = (context.body ?? {}) as Record<string, string | undefined>;
      this.given.push(...[access_token, refresh_token].filter((one) => one !== undefined));
      if (context.path === "/me") this.asked.userinfo++;
      if (
        (context["oidc"] as { params?: Record<string, unknown> } | undefined)?.params?.["grant_type"] !==
        "refresh_token"
      )
        return;
      this.asked.refresh++;
      if (context.status !== 200) this.asked.refused++;
    });
    const callback = provider.callback();
    this.#listener.on("request", (request, response) => {
      if (this.down) return void request.destroy();
      if (!request.url!.startsWith("/interaction/")) {
        return void (this.holds ?? Promise.resolve()).then(() => callback(request, response));
      }
      const login = { login: { accountId: this.person.sub, remember: false }, consent: {} };
      const no = { error: "access_denied", error_description: "<b>not you</b>" };
      void provider.interactionFinished(request, response, this.refuses ? no : login);
    });
  }

  close(): void {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }
}

/** What a browser ended at. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Follows redirects with cookies, as a browser does, which asks for no port (RFC 6265, 8.5), to a place where nobody listens. */
export class TestBrowser {
  readonly #cookies = new Map<string, string>();
  readonly #end: string;
  /** @param end where it stops before it asks */
  constructor(end = "http://127.0.0.1:9/callback") {
    this.#end = end;
  }

  async open(place: string, init: RequestInit = {}): Promise<Page> {
    let url = place;
    let asked = init;
    for (let hops = 0; hops < 15; hops++) {
      if (url.startsWith(this.#end)) return { url, status: 0, headers: new Headers(), text: "" };
      const { hostname } = new URL(url);
      const cookie = [...this.#cookies]
        .filter(([key]) => key.startsWith(hostname))
        .map(([key, value]) => `${key.split("|")[1]}=${value}`)
        .join("; ");
      const headers = { ...(asked.headers as Record<string, string> | undefined), cookie };
      const answer = await fetch(url, { ...asked, redirect: "manual", headers });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
        this.#cookies.set(`${hostname}|${name}`, value!);
      }
      const location = answer.headers.get("location");
      if (location === null) return { url, status: answer.status, headers: answer.headers, text: await answer.text() };
      url = new URL(location, url).href;
      asked = {};
    }
    throw new Error("too many redirects");
  }
}

/** The page on which the codes of machines are typed, in one browser. */
export class DevicePage {
  readonly #browser = new TestBrowser("nowhere");
  readonly #url: string;
  readonly #origin: string;
  /** @param url of the registry, or of one of its nodes @param origin what browsers call it */
  constructor(url: string, origin = url) {
    this.#url = `${url}/device`;
    this.#origin = origin;
  }

  async open(query = ""): Promise<Page> {
    return this.#browser.open(this.#url + query);
  }

  /** Opens the page, types the code and sends it. */
  async type(code: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.send({ page: fieldIn(await this.open(), "page"), user_code: code }, headers);
  }

  /** Sends a form of the page. */
  send(fields: Readonly<Record<string, string>>, headers: Record<string, string> = {}): Promise<Page> {
    const own = { "content-type": "application/x-www-form-urlencoded", origin: this.#origin };
    const body = new URLSearchParams(fields).toString();
    return this.#browser.open(this.#url, { method: "POST", headers: { ...own, ...headers }, body });
  }

  /** Lets the machine in that a page shows, and goes all the way to the provider and back. */
  async letIn(shown: Page, provider = "kept"): Promise<Page> {
    const page = await this.send({ machine: fieldIn(shown, "machine"), provider });
    const next = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(page.text)?.[1];
    if (next === undefined) throw new Error(page.text);
    return this.#browser.open(next.replaceAll("&#38;", "&"));
  }
}

/** The value of a hidden field. */
export function fieldIn({ text }: Page, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? "";
}
