// Loaded before a role: its clock is so many milliseconds off as its parent last said. Answers with the time it has.
const Real = Date;
let offsetMs = 0;

globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(Real.now() + offsetMs);
    else super(...parts);
  }

  static now() {
    return Real.now() + offsetMs;
  }
};

process.on("message", (message) => {
  if (typeof message.clockOffsetMs !== "number") return;
  offsetMs = message.clockOffsetMs;
  process.send({ clockMs: Date.now() });
});
