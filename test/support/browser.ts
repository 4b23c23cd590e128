/** An answer as a browser has it: where it was led, and what the page says. */
export interface BrowserAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser of a test: it keeps cookies, says where forms come from, and follows nothing by itself. */
export interface Browser {
  readonly cookies: Map<string, string>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<BrowserAnswer>;
  /** Sends a form as a page of ours would; `headers` say otherwise. */
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<BrowserAnswer>;
  /** The header that carries its cookies. */
  cookie(): string;
}

/** A new browser, which reaches a server at `url` under the name that the server has outside. */
export function openBrowser(url: string, origin = new URL(url).origin): Browser {
  const cookies = new Map<string, string>();
  const cookie = () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const send = async (path: string, init: RequestInit): Promise<BrowserAnswer> => {
    const target = new URL(path, url);
    const headers = new Headers(init.headers);
    if (target.origin === new URL(url).origin) headers.set("cookie", cookie());
    headers.set("user-agent", "Test Browser");
    const response = await fetch(target, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) keep(cookies, line);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    cookies,
    cookie,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, form, headers = {}) =>
      send(path, { method: "POST", body: new URLSearchParams(form), headers: { origin, ...headers } }),
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
  const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
  if (attributes.includes("Max-Age=0") || value === "") cookies.delete(name);
  else cookies.set(name, value);
}
