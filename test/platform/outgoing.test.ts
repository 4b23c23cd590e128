import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readConfig } from "../../src/platform/config.js";
import { isPublicAddress, outgoingFault, postOutgoing } from "../../src/platform/outgoing.js";

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
    ["https://witness.example/w1", null],
    ["https://8.8.8.8", null],
    ["http://witness.example", "is not an https address"],
    ["ftp://witness.example", "is not an https address"],
    ["witness.example", "is not an https address"],
    ["", "is not an https address"],
    ["https://me:secret@witness.example", "has a password in it"],
    ["https://127.0.0.1", "is a private address"],
    ["https://2130706433", "is a private address"],
    ["https://0x7f.1", "is a private address"],
    ["https://[::1]:8443/x", "is a private address"],
    ["https://localhost", "is this machine"],
    ["https://a.localhost", "is this machine"],
  ])("%s: %s", (url, fault) => {
    expect(outgoingFault(url)).toBe(fault);
  });

  test("is looked at again when the connection is made: a name that leads home is not followed", async () => {
    const request = { body: "x", timeoutMs: 2_000, bytesMax: 10, isPublicOnly: true };
    await expect(postOutgoing({ ...request, url: "https://127.0.0.1:1" })).rejects.toThrow("is a private address");
    await expect(postOutgoing({ ...request, url: "https://ip6-localhost:1" })).rejects.toThrow(
      /no public address|ENOTFOUND|EAI_AGAIN/,
    );
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
    ["a+b+c", "test", "is no address"],
    ["a+b+c https://a.example more", "test", "more behind it"],
    ["a+b+c http://a.example", "production", "is not an https address"],
    ["a+b+c https://10.0.0.1", "production", "is a private address"],
  ])("%s in %s is refused: %s", (witnesses, mode, reason) => {
    expect(() => read(witnesses, mode)).toThrow(reason);
  });
});
