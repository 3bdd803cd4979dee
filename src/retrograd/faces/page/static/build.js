// The playground's own part: data, network, training. Empty where a run is only viewed.

import { isDark } from "./colours.js";
import { h } from "./dom.js";
import { takeFiles } from "./dropping.js";
import { Fields, layerRow } from "./fields.js";
import { count } from "./numbers.js";
import { drawPoints } from "./points.js";
import { once, quietly } from "./questions.js";
import { trainingView } from "./training.js";
import { wordsFor } from "./words.js";

// How long a table may take to be made ready before it is said.
const LONG_MS = 300;
const DATA_FIELDS = ["data", "rows", "noise", "data_seed", "target"];
const MORE_FIELDS = ["ends", "patience", "validation_fraction", "stop", "batch_size", "alpha"];

/** Make the view. */
export function buildView(page) {
  const element = h("section", { class: "build", "aria-label": "Playground", "data-keys": true });
  const fields = new Fields(edited, train);
  let told = null; // what there is to choose from
  let settings = null; // as the fields stand
  let built = null; // as they stood when the last training began here
  let facts = null; // of the data
  let refused = ""; // what is wrong with the file that was given last
  let training = null;
  let open = false;
  let choosing = false; // a pace, of which the server does not know yet
  const parts = {};

  async function begin() {
    if (page.options.still) return false;
    const answer = await quietly(page, "playground");
    if (!answer) return false;
    told = answer;
    settings = answer.settings;
    training = trainingView(page, answer.training, (rate) => trainWith({ learning_rate_init: String(rate) }), (pace) => {
      if (parts.pace && !choosing) parts.pace.value = String(pace);
    });
    built = answer.training.job ? JSON.stringify(settings) : null;
    element.classList.add("panel");
    page.root.classList.add("unbegun");
    draw();
    takeFiles(page.root, upload);
    learnData();
    await training.begin();
    return true;
  }

  /** Draw the panel: data and buttons, network and solver, and what is asked for less often. */
  function draw() {
    fields.drop(() => true);
    parts.data = h("span", { class: "group" });
    parts.network = h("span", { class: "group" });
    parts.train = h("button", { class: "main", onclick: train });
    parts.more = h("div", { class: "line more", hidden: !open });
    const pace = h("select", {
      "aria-label": "Pace of the training", title: "How fast it trains; the numbers are the same",
      onchange: async () => {
        choosing = true;
        await page.ask("pace", { pace: Number(pace.value) });
        choosing = false;
      },
    }, Object.entries(told.paces).map(([text, value]) => h("option", { value, selected: value === told.pace }, text)));
    parts.pace = pace;
    const more = h("button", {
      class: "quiet", "aria-expanded": String(open),
      onclick: () => {
        open = !open;
        parts.more.hidden = !open;
        more.setAttribute("aria-expanded", String(open));
      },
    }, "More …");
    parts.openMore = () => { if (!open) more.click(); };
    element.replaceChildren(
      h("div", { class: "line" }, parts.data, training.status, h("span", { class: "end group" },
        parts.train, training.pause,
        h("button", { title: "Draw another seed, and train", onclick: newSeed }, "New seed"), pace)),
      h("div", { class: "line" }, parts.network, h("span", { class: "group" },
        fields.chosen("solver", wordsFor("solver"), settings.solver, same(told.solvers), { title: "solver" }),
        fields.typed("learning_rate_init", wordsFor("learning_rate_init"), settings.learning_rate_init, { wide: 6, title: "learning_rate_init" }),
        fields.typed("max_iter", wordsFor("max_iter"), settings.max_iter, { wide: 4, title: "max_iter" }),
        fields.typed("random_state", wordsFor("random_state"), settings.random_state, { wide: 3, title: "random_state: same seed, same bits" }), more)),
      parts.more);
    drawData();
    drawNetwork();
    drawMore();
    tell();
  }

  function drawData() {
    fields.drop((name) => DATA_FIELDS.includes(name));
    const set = dataSet();
    const file = h("input", {
      type: "file", accept: told.suffixes.join(), hidden: true, "aria-label": "A table of your own",
      onchange: () => { if (file.files.length) upload(file.files[0]); file.value = ""; },
    });
    parts.thumb = h("canvas", { class: "thumb", hidden: true, "aria-hidden": "true" });
    parts.words = h("span", { class: "words soft" });
    parts.data.replaceChildren(
      fields.chosen("data", "Data", settings.data, told.datasets.map((one) => [one.name, one.title])),
      ...(set.noise === null ? [] : [
        fields.typed("rows", "Rows", settings.rows, { wide: 4 }),
        fields.typed("noise", "Noise", settings.noise, { wide: 4, title: "Standard deviation, 0 to 1" }),
        fields.typed("data_seed", "Draw", settings.data_seed, { wide: 2, title: "Seed that the points are drawn with" }),
      ]),
      ...(set.columns === null ? [] : [
        fields.chosen("target", "Learn", settings.target, [["", "choose a column"], ...same(set.columns)]),
      ]),
      h("button", { title: "CSV or Parquet, of this machine; it can also be dropped onto the page", onclick: () => file.click() },
        "Own table …"),
      file, parts.thumb, parts.words);
    drawFacts();
  }

  function drawNetwork() {
    fields.drop((name) => /^(units|activation) /.test(name) || name === "layers");
    parts.network.replaceChildren(layerRow(fields, settings.layers, {
      activations: told.activations, most: told.most,
      onChange: (layers) => {
        const focused = [...parts.network.querySelectorAll("button, input, select")].indexOf(document.activeElement);
        settings = { ...settings, layers };
        drawNetwork();
        tell();
        const now = parts.network.querySelectorAll("button, input, select");
        (now[focused] && !now[focused].disabled ? now[focused] : now[now.length - 1])?.focus();
      },
    }));
    drawEnds();
  }

  /** Write how many features and outputs there are; whoever is typing beside it is not disturbed. */
  function drawEnds() {
    parts.network.querySelectorAll(".ends[data-end]").forEach((end, k) => {
      end.textContent = facts?.widths ? `${facts.widths[k]} ${end.dataset.end}` : end.dataset.end;
    });
  }

  function drawMore() {
    fields.drop((name) => MORE_FIELDS.includes(name));
    const { ends } = settings;
    parts.more.replaceChildren(
      fields.typed("batch_size", wordsFor("batch_size"), settings.batch_size, { wide: 4, title: "batch_size: rows in a batch" }),
      fields.typed("alpha", wordsFor("alpha"), settings.alpha, { wide: 6, title: "alpha: strength of the L2 penalty; with adamw, of the weights' decay" }),
      fields.chosen("ends", "Ends", ends, Object.entries(told.ends)),
      ends === "epochs" ? "" : fields.typed("patience", wordsFor("n_iter_no_change"), settings.patience, { wide: 3, title: "n_iter_no_change: epochs without improvement" }),
      ends !== "score" ? "" : fields.typed("validation_fraction", wordsFor("validation_fraction"), settings.validation_fraction, { wide: 4, title: "validation_fraction" }),
      fields.typed("stop", "Stop once", settings.stop, {
        wide: 20, text: true,
        title: `Asked at the end of every epoch, such as loss < 0.01; knows ${told.stop_names.join(", ")}`,
      }));
    fields.all.get("stop").input.placeholder = "loss < 0.01";
  }

  function dataSet() {
    return told.datasets.find((one) => one.name === settings.data) ?? told.datasets[0];
  }

  function edited(name, value) {
    const [what, number] = name.split(" ");
    if (number !== undefined) {
      settings = { ...settings, layers: settings.layers.map((layer, k) => (k === Number(number) ? { ...layer, [what]: value } : layer)) };
    } else settings = { ...settings, [name]: value };
    if (DATA_FIELDS.includes(name)) refused = "";
    if (name === "data") {
      const set = dataSet();
      if (set.noise !== null) Object.assign(settings, { rows: String(set.rows), noise: String(set.noise) });
      if (set.columns) settings.target = set.columns.includes("species") ? "species" : "";
      drawData();
      fields.all.get("data").input.focus();
    }
    if (name === "ends") {
      drawMore();
      fields.all.get("ends").input.focus();
    }
    if (DATA_FIELDS.includes(name)) learnData();
    tell();
  }

  let asking = 0;

  /** Learn how many rows, features and classes the data have, or what is wrong with them. */
  async function learnData() {
    asking += 1;
    const now = asking;
    await new Promise((resolve) => { setTimeout(resolve, 120); });
    if (now !== asking) return;
    const timer = setTimeout(() => {
      if (now === asking && dataSet().columns) tellData("preparing the table …", []);
    }, LONG_MS);
    const answer = await quietly(page, "data", { settings });
    clearTimeout(timer);
    if (now !== asking) return;
    if (!answer) {
      drawFacts();
      return;
    }
    const before = String(facts?.widths);
    facts = answer;
    // A file stays refused until one chooses. Who has not chosen a column yet has done nothing wrong,
    // unless they have pressed the button: that may have been told before this answer came.
    const wrong = { ...answer.wrong, ...(refused && { data: refused }) };
    const fresh = DATA_FIELDS.filter((name) => name !== "target" || settings.target);
    for (const name of fresh) fields.tell(name, wrong[name] ?? "");
    drawFacts();
    if (String(facts.widths) !== before) drawEnds();
  }

  /** Say in a line what the data are; a click or a key opens what else there is to know of them. */
  function tellData(words, remarks) {
    const told = JSON.stringify([words, remarks]);
    if (parts.words.dataset.told === told) return; // whoever is reading it is not disturbed
    parts.words.dataset.told = told;
    parts.words.replaceChildren(remarks.length ? h("details", {},
      h("summary", { title: "How the data were made" }, words),
      h("ul", {}, remarks.map((remark) => h("li", {}, `${remark.charAt(0).toUpperCase()}${remark.slice(1)}`)))) : words);
  }

  function drawFacts() {
    tellData(facts?.words ?? "", facts?.remarks ?? []);
    parts.thumb.hidden = !facts?.points;
    if (facts?.points) drawPoints(parts.thumb, facts, isDark(element));
  }

  let building = 0;

  async function train() {
    if (!page.reaches(training.refuse)) return;
    building += 1;
    const now = building;
    const asked = JSON.stringify(settings);
    const answer = await page.ask("build", once({ settings }));
    // What is wrong is what the newest answer says, even if an older one comes after it.
    if (!answer || (now !== building && !answer.training)) return;
    if (MORE_FIELDS.some((name) => answer.wrong[name])) parts.openMore();
    fields.tellAll(answer.wrong);
    if (!answer.training) return;
    built = asked;
    tell();
    await training.follow(answer.training);
  }

  function newSeed() {
    trainWith({ random_state: String(crypto.getRandomValues(new Uint16Array(1))[0]) });
  }

  /** Train with some settings changed, in their fields, too. */
  function trainWith(changed) {
    if (!page.reaches(training.refuse)) return;
    settings = { ...settings, ...changed };
    for (const [name, value] of Object.entries(changed)) fields.all.get(name).input.value = value;
    train();
  }

  /** What the button does, and how the training stands. */
  function tell() {
    const again = JSON.stringify(settings) === built;
    parts.train.textContent = again ? "Start over" : "Train";
    parts.train.title = again ? "Train again with the same seed: the same bits"
      : "Train this network, as a run of its own (Enter in any field)";
    training.tell();
  }

  async function upload(file) {
    refused = "";
    fields.tell("data", "");
    tellData(`reading ${file.name} …`, []);
    try {
      if (file.size > told.most.uploaded) {
        throw new Error(`${file.name} has ${count(Math.round(file.size / 1048576))} MB, and the page takes tables up to ${told.most.uploaded / 1048576} MB`);
      }
      const content = new Uint8Array(await file.arrayBuffer());
      const answer = await page.asked("upload", { name: file.name, content });
      told.datasets = answer.datasets;
      edited("data", "table");
    } catch (error) {
      refused = error.message;
      fields.tell("data", refused);
      drawFacts();
    }
  }

  return {
    element,
    begin,
    show(place, changed) {
      if (!told) return;
      page.root.classList.remove("unbegun");
      if (changed.has("run") || changed.has("grown")) tell();
      if (changed.has("theme")) drawFacts();
    },
  };
}

function same(names) {
  return names.map((name) => [name, name]);
}
