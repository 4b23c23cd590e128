import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readConfig } from "../../src/platform/config.js";
import { fetchOutside, isPublicAddress, outgoingFault } from "../../src/platform/outgoing.js";

describe("what may be called in production", () => {
  test.each([
    ...["127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1"],
    ...["0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1"],
    ...["fd12::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2001:db8::1", "2002:a00:1::"],
    ...["2001::1", "", "witness.example"],
  ])("%s is no public address", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])("%s is one", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    ["https://login.example.com/realm", null],
    ["https://8.8.8.8/", null],
    ["http://login.example.com", "is not https"],
    ["file:///etc/passwd", "is not https"],
    ["witness.example", "is no URL"],
    ["", "is no URL"],
    ["https://user:pw@login.example.com", "has a name, a password or a fragment in it"],
    ["https://localhost/", "is not public"],
    ["https://a.localhost", "is not public"],
    ["https://vault/", "is not public"],
    ["https://db.internal/", "is not public"],
    ["https://127.1/", "is not public"],
    ["https://2130706433", "is not public"],
    ["https://0x7f000001/", "is not public"],
    ["https://[::1]:8443/x", "is not public"],
    ["https://[::ffff:10.0.0.1]/", "is not public"],
    ["https://169.254.169.254/latest/meta-data", "is not public"],
  ])("%s: %s", (url, fault) => {
    expect(outgoingFault(url, { isProduction: true })).toBe(fault);
  });

  test("is looked at again when the connection is made: a name that leads home is not followed", async () => {
    const post = (url: string) => fetchOutside({ isProduction: true }, url, { method: "POST", headers: {}, body: "x" });
    await expect(post("https://127.0.0.1:1")).rejects.toThrow("is not public");
    await expect(post("https://localhost.localdomain:1")).rejects.toThrow(/not public|ENOTFOUND|EAI_AGAIN/);
  });
});

describe("witnesses in the configuration", () => {
  const read = (witnesses: string, mode: string) => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", Buffer.alloc(32).toString("base64url"));
    vi.stubEnv("QUITTANCE_WITNESSES", witnesses);
    vi.stubEnv("NODE_ENV", mode);
    onTestFinished(() => void vi.unstubAllEnvs());
    return readConfig({ databaseUrl: "mysql://x", redisUrl: "redis://x" }).witnesses;
  };

  test("are pairs of a key and an address, parted by commas or lines", () => {
    expect(read(" a+b+c= https://a.example/ ,\n d+e+f http://b.example/w\n", "test")).toEqual([
      { verifierKey: "a+b+c=", url: "https://a.example" },
      { verifierKey: "d+e+f", url: "http://b.example/w" },
    ]);
    expect(read("", "production")).toEqual([]);
  });

  test.each([
    ["a+b+c", "test", "is no URL"],
    ["a+b+c https://a.example more", "test", "more behind it"],
    ["a+b+c http://a.example", "production", "is not https"],
    ["a+b+c https://10.0.0.1", "production", "is not public"],
  ])("%s in %s is refused: %s", (witnesses, mode, reason) => {
    expect(() => read(witnesses, mode)).toThrow(reason);
  });
});
