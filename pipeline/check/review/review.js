"use strict";
// What is shown comes from files of others: it is put in as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const crops = document.getElementById("crops").textContent.split("\n");
const found = data.findings;
const KEY = "boxwright review: " + data.set;
const PAGE = 24;
const LEAST = 2; // pixels: less is a click, no box
const byId = (id) => document.getElementById(id);

let decided = kept(); // by a finding's id: {decision, fix}; fix where a person changed it
let shown = [];       // rows of `found` that the filters leave
let at = 0;           // the place in `shown` of the current one

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch (error) {
    tell("This browser keeps no progress here: save the decisions before you close the page.");
    return {};
  }
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(decided));
  } catch (error) {
    tell("This browser keeps no progress here: save the decisions before you close the page.");
  }
}

function tell(text) { byId("told").textContent = text; }

// --- a finding: what it says, and what was decided

const verdict = (card) => (decided[card.id] || {}).decision || "";
const fixOf = (card) => (decided[card.id] || {}).fix || card.finding.fix || null;

function proposal(card) { // the box that the handles are on
  const fix = fixOf(card);
  if (fix && fix.action === "remove") return null;
  return (fix && fix.xyxy) || card.finding.xyxy || null;
}

function decide(card, decision) {
  const own = (decided[card.id] || {}).fix;
  if (decision || own) decided[card.id] = { ...(decision && { decision }), ...(own && { fix: own }) };
  else delete decided[card.id];
  keep();
}

function undo(card) {
  delete decided[card.id];
  keep();
}

const isOfLabel = (card) => Boolean(card.finding.xyxy || card.finding.place);

function change(card, part) { // a person's own fix: what was suggested, with a part of it changed
  const action = isOfLabel(card) ? "change" : "add";
  const before = fixOf(card), base = before && before.action !== "remove" ? before : { action };
  const fix = { ...base, ...part };
  if (fix.action === "add" && !fix.label) fix.label = data.classes[0];
  decided[card.id] = { ...decided[card.id], fix };
  keep();
}

function remove(card) {
  if (!isOfLabel(card)) return;
  decided[card.id] = { ...decided[card.id], fix: { action: "remove" } };
  keep();
}

// --- drawing

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function rectangle(box, kind) {
  const [x1, y1, x2, y2] = box;
  return shape("rect", { class: kind, x: Math.min(x1, x2), y: Math.min(y1, y2),
    width: Math.max(Math.abs(x2 - x1), 0.01), height: Math.max(Math.abs(y2 - y1), 0.01) });
}

function named(made, text) {
  made.append(shape("title", {}));
  made.lastChild.textContent = text;
  return made;
}

function picture(card, row, current) {
  const [x, y, width, height] = card.region;
  const svg = shape("svg", { viewBox: `${x} ${y} ${width} ${height}` });
  if (card.seen) {
    svg.append(shape("image", { x, y, width, height, preserveAspectRatio: "none",
      href: "data:image/jpeg;base64," + crops[row] }));
  }
  for (const [x1, y1, x2, y2, label] of card.near) {
    svg.append(named(rectangle([x1, y1, x2, y2], "near"), data.classes[label]));
  }
  const label = card.finding.xyxy, fix = fixOf(card), right = proposal(card);
  if (label) svg.append(rectangle(label, "label"));
  if (fix && fix.action === "remove" && label) {
    const [x1, y1, x2, y2] = label;
    const d = `M${x1} ${y1}L${x2} ${y2}M${x1} ${y2}L${x2} ${y1}`;
    svg.append(shape("path", { class: "label", d }));
  }
  if (fix && right && fix.xyxy) svg.append(rectangle(right, "fix"));
  if (current) {
    svg.addEventListener("pointerdown", (event) => {
      const { x, y } = place(event, svg, card);
      drag(event, svg, card, [x, y, x, y], [2, 3]);
    });
    if (right) handles(svg, card, right);
  }
  return svg;
}

function handles(svg, card, box) {
  const radius = Math.max(card.region[2], card.region[3]) / 60;
  for (const [i, j] of [[0, 1], [2, 1], [2, 3], [0, 3]]) {
    const grip = shape("circle", { class: "handle", cx: box[i], cy: box[j], r: radius });
    grip.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      drag(event, svg, card, [...box], [i, j]);
    });
    svg.append(grip);
  }
}

function place(event, svg, card) { // in pixels of the picture, within it
  const { x, y } = new DOMPoint(event.clientX, event.clientY)
    .matrixTransform(svg.getScreenCTM().inverse());
  return { x: Math.min(Math.max(x, 0), card.size[0]), y: Math.min(Math.max(y, 0), card.size[1]) };
}

function drag(event, svg, card, box, [i, j]) { // a corner of a box, until it is let go
  event.preventDefault();
  let ghost = rectangle(box, "fix");
  svg.append(ghost);
  const move = (to) => {
    const { x, y } = place(to, svg, card);
    box[i] = x;
    box[j] = y;
    const next = rectangle(box, "fix");
    ghost.replaceWith(next);
    ghost = next;
  };
  const end = () => {
    removeEventListener("pointermove", move);
    const [x1, y1, x2, y2] = box.map((value) => Math.round(value * 100) / 100);
    const xyxy = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
    if (Math.min(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]) >= LEAST) change(card, { xyxy });
    draw();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
}

function words(card) {
  const one = card.finding, fix = fixOf(card);
  const now = one.label ? `is ${one.label}` : "";
  if (!fix) return [now, "no suggestion"].filter(Boolean).join("; ");
  const label = fix.label && fix.label !== one.label ? `class ${fix.label}` : "";
  const box = fix.xyxy ? (fix.action === "add" ? "add this box" : "move the box") : "";
  const what = fix.action === "remove" ? "remove it" : [box, label].filter(Boolean).join(", ");
  const own = (decided[card.id] || {}).fix ? "yours" : "suggestion";
  return [now, `${own}: ${what || "no change"}`].filter(Boolean).join("; ");
}

function classes(card) {
  const fix = fixOf(card), now = (fix && fix.label) || card.finding.label || "";
  const choice = element("select", { ariaLabel: "right class" });
  for (const name of new Set([now, ...data.classes])) {
    choice.append(element("option", { value: name, textContent: name, selected: name === now }));
  }
  choice.addEventListener("change", () => { change(card, { label: choice.value }); draw(); });
  return choice;
}

function cardOf(k) {
  const row = shown[k], card = found[row], one = card.finding, current = k === at;
  const sure = one.sureness === undefined ? "" : `, ${Math.round(100 * one.sureness)} % sure`;
  const made = element("article", {
    className: `finding ${verdict(card)} ${current ? "current" : ""}` });
  made.dataset.id = card.id;
  if (card.region) made.append(element("div", { className: "crop" }, picture(card, row, current)));
  made.append(
    element("p", { className: "title" },
      element("b", { textContent: one.kind }),
      element("span", { className: `small ${one.severity}`, textContent: one.severity + sure })),
    element("p", { className: "small", textContent: one.message }),
    element("p", { className: "small soft",
      textContent: [one.split, one.image, one.place].filter(Boolean).join(" · ") || "the whole set" }));
  if (one.advice && !one.fix) {
    made.append(element("p", { className: "small", textContent: one.advice }));
  }
  made.append(choices(card));
  made.addEventListener("click", (event) => {
    if (at !== k && !event.target.closest("button, select")) go(k);
  });
  return made;
}

function choices(card) {
  const row = element("div", { className: "choices" });
  for (const [name, key] of [["accept", "A"], ["reject", "R"], ["skip", "S"]]) {
    const button = element("button", { textContent: name + " " }, element("kbd", { textContent: key }));
    button.addEventListener("click", () => choose(card, name));
    row.append(button);
  }
  if (card.region && data.classes.length) row.append(classes(card));
  row.append(element("span", { className: "small soft what", textContent: words(card) }));
  return row;
}

function draw() {
  const first = Math.floor(at / PAGE) * PAGE, last = Math.min(first + PAGE, shown.length);
  byId("cards").replaceChildren(...Array.from({ length: last - first }, (_, k) => cardOf(first + k)));
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  byId("pages").textContent =
    `page ${first / PAGE + 1} of ${pages}; ${shown.length} of ${found.length} findings`;
  byId("before").disabled = first === 0;
  byId("after").disabled = last >= shown.length;
  const count = (name) => found.reduce((sum, card) => sum + (verdict(card) === name), 0);
  const [yes, no, later] = ["accept", "reject", "skip"].map(count);
  byId("progress").textContent =
    `${yes + no + later} of ${found.length} decided: ${yes} accepted, ${no} rejected, ${later} skipped`;
}

// --- moving and deciding

function go(place) {
  at = Math.max(0, Math.min(place, shown.length - 1));
  draw();
  const current = document.querySelector(".current");
  if (current) current.scrollIntoView({ block: "nearest" });
}

function choose(card, decision) {
  decide(card, decision);
  at = shown.findIndex((row) => found[row].id === card.id);
  const next = shown.findIndex((row, place) => place > at && !verdict(found[row]));
  go(next < 0 ? at : next);
}

const KEYS = {
  a: (card) => choose(card, "accept"),
  r: (card) => choose(card, "reject"),
  s: (card) => choose(card, "skip"),
  u: (card) => { undo(card); draw(); },
  d: (card) => { remove(card); draw(); },
  o: () => byId("cards").classList.toggle("plain"),
  ArrowLeft: () => go(at - 1),
  ArrowRight: () => go(at + 1),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  const latin = /^[a-z]$/i.test(event.key); // a Korean keyboard gives other letters: go by place
  const key = latin ? event.key.toLowerCase() : event.code.replace(/^Key(.)$/, (_, k) => k.toLowerCase());
  const action = KEYS[key], card = found[shown[at]];
  if (!action || !card) return;
  event.preventDefault();
  action(card);
});

// --- filters

const FILTERS = ["kind", "severity", "class", "split", "state", "sure", "search"];
const PARTS = {
  kind: (card) => card.finding.kind,
  severity: (card) => card.finding.severity,
  class: (card) => card.finding.label || (card.finding.fix || {}).label || "",
  split: (card) => card.finding.split || "",
};

function fill() {
  for (const [id, part] of Object.entries(PARTS)) {
    const counts = new Map();
    for (const card of found) counts.set(part(card), (counts.get(part(card)) || 0) + 1);
    for (const [value, count] of [...counts].sort(([, a], [, b]) => b - a)) {
      if (value) byId(id).append(element("option", { value, textContent: `${value} (${count})` }));
    }
  }
}

function filter() {
  const wanted = Object.fromEntries(FILTERS.map((id) => [id, byId(id).value]));
  const sure = Number(wanted.sure) / 100, text = wanted.search.toLowerCase();
  shown = [...found.keys()].filter((row) => {
    const card = found[row], one = card.finding, state = verdict(card) || "open";
    return Object.entries(PARTS).every(([id, part]) => !wanted[id] || part(card) === wanted[id])
      && (!wanted.state || state === wanted.state)
      && (one.sureness === undefined || one.sureness >= sure)
      && (one.image || "").toLowerCase().includes(text);
  });
  go(0);
}

function acceptAll() {
  const open = shown.map((row) => found[row]).filter((card) => !verdict(card) && fixOf(card));
  if (!open.length) return tell("Nothing open is shown that has a suggestion.");
  if (!confirm(`Accept the suggestions of ${open.length} findings that are shown and open?`)) return;
  for (const card of open) {
    decided[card.id] = { ...decided[card.id], decision: "accept" };
  }
  keep();
  draw();
}

// --- files

function save() {
  const decisions = found.filter(verdict).map((card) => ({
    decision: verdict(card),
    finding: card.finding,
    ...(decided[card.id].fix && { fix: decided[card.id].fix }),
  }));
  const content = { boxwright: data.boxwright, kind: "decisions", set: data.set,
    open: found.length - decisions.length, decisions };
  const file = new Blob([JSON.stringify(content, null, 1) + "\n"], { type: "application/json" });
  const link = element("a", { href: URL.createObjectURL(file), download: "decisions.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  tell(`${decisions.length} decisions saved. To apply them: boxwright fix FOLDER decisions.json --out NEW`);
}

const canonical = (value) => value && typeof value === "object" && !Array.isArray(value)
  ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, canonical(value[key])])) : value;
const text = (value) => JSON.stringify(canonical(value));

async function load(file) {
  try {
    const earlier = new Map(JSON.parse(await file.text()).decisions
      .map(({ finding, decision, fix }) => [text(finding), { decision, ...(fix && { fix }) }]));
    const known = found.filter((card) => earlier.has(text(card.finding)));
    for (const card of known) decided[card.id] = earlier.get(text(card.finding));
    keep();
    filter();
    tell(`${known.length} of ${earlier.size} decisions are of findings here, and were taken.`);
  } catch (error) {
    tell(`${file.name}: is no file of decisions (${error.message}).`);
  }
}

for (const id of FILTERS) byId(id).addEventListener("input", filter);
addEventListener("change", ({ target }) => target.matches("select") && target.blur()); // keys decide
byId("every").addEventListener("click", acceptAll);
byId("save").addEventListener("click", save);
byId("pick").addEventListener("click", () => byId("load").click());
byId("load").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });
byId("before").addEventListener("click", () => go((Math.floor(at / PAGE) - 1) * PAGE));
byId("after").addEventListener("click", () => go((Math.floor(at / PAGE) + 1) * PAGE));
fill();
filter();
