"use strict";

const base = new URL("./", location.href);
const byId = (id) => document.getElementById(id);

/** Make an element with attributes and children; text is never read as HTML. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

let contract;

function resolved(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((found, key) => found[key], contract);
}

const refName = (node) => (node.$ref ? node.$ref.split("/").pop() : "");

function typeText(schema) {
  const name = refName(schema);
  const node = resolved(schema);
  if (name && (node.type === "object" || node.enum)) return name;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return node.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (node.anyOf) return node.anyOf.map(typeText).join(" or ");
  if (node.items) return `array of ${typeText(node.items)}`;
  return [].concat(node.type || "anything").join(" | ");
}

function schemaTree(schema, depth = 0) {
  const node = resolved(schema);
  if (node.items && depth < 3) return schemaTree(node.items, depth);
  if (!node.properties || depth > 2) return null;
  const list = make("ul", { className: "schema" });
  for (const [name, member] of Object.entries(node.properties)) {
    const must = (node.required || []).includes(name);
    const told = resolved(member).description;
    list.append(make("li", {},
      make("span", { className: "name" }, name), " ",
      make("span", { className: "type" }, typeText(member)), " ",
      must ? make("span", { className: "must" }, "required") : null,
      told ? make("div", { className: "faint" }, ...prose(told)) : null,
      schemaTree(member, depth + 1)));
  }
  return list;
}

function exampleOf(media) {
  if (media.example !== undefined) return media.example;
  const schema = resolved(media.schema || {});
  return (schema.examples || [schema.example])[0];
}

const asText = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** Turn a text into nodes: what stands in backticks is code. */
function prose(text) {
  return text.replace(/\s+/g, " ").split("`").map((part, k) => (k % 2 ? make("code", {}, part) : part));
}

function paragraphs(text) {
  return (text || "").trim().split(/\n\s*\n/).filter(Boolean).map((part) => make("p", {}, ...prose(part)));
}

const shellQuoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function curlText(method, url, headers, body) {
  const words = [`curl ${method === "GET" ? "" : `-X ${method} `}${shellQuoted(url)}`];
  for (const [name, value] of Object.entries(headers)) {
    words.push(name === "x-api-key" ? '-H "x-api-key: $API_KEY"' : `-H ${shellQuoted(`${name}: ${value}`)}`);
  }
  if (body) words.push(`--data-binary ${shellQuoted(body)}`);
  return words.join(" \\\n  ");
}

function pretty(text, type) {
  if (!type.includes("json") || type.includes("ndjson")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Build the form that sends a request, and the place for its answer. */
function sender(method, path, operation) {
  const parameters = (operation.parameters || []).map(resolved);
  const fields = parameters.map((parameter) => {
    const choices = parameter.schema && parameter.schema.enum;
    const input = choices
      ? make("select", {}, make("option", { value: "" }, ""), ...choices.map((value) => make("option", { value }, value)))
      : make("input", { type: "text", spellcheck: false, placeholder: asText(parameter.example) });
    input.dataset.parameter = parameter.name;
    const where = `${parameter.name} (${parameter.in}${parameter.required ? ", required" : ""})`;
    return { parameter, input, label: make("label", { className: "row", title: parameter.description || "" }, where, input) };
  });
  const sent = operation.requestBody ? operation.requestBody.content : {};
  const given = (operation.responses["200"] || {}).content || {};
  const option = (value) => make("option", { value }, value || "any");
  const contentType = make("select", {}, ...Object.keys(sent).filter((type) => !type.includes("arrow")).map(option));
  const accept = make("select", {}, ...["", ...Object.keys(given)].map(option));
  const body = make("textarea", { spellcheck: false, value: asText(exampleOf(sent[contentType.value] || {})) });
  contentType.onchange = () => { body.value = asText(exampleOf(sent[contentType.value])); };
  const button = make("button", { type: "submit" }, "Send");
  const answer = make("div", { "aria-live": "polite" });
  const form = make("form", {},
    make("div", { className: "grid" }, ...fields.map((field) => field.label),
      contentType.length ? make("label", { className: "row" }, "Content-Type", contentType) : null,
      accept.length > 2 ? make("label", { className: "row" }, "Accept", accept) : null),
    contentType.length ? make("label", { className: "row" }, "Body", body) : null, button, answer);

  form.onsubmit = async (event) => {
    event.preventDefault();
    const headers = {};
    const query = new URLSearchParams();
    let place = path;
    for (const { parameter, input } of fields) {
      if (parameter.in === "path") place = place.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value && parameter.in === "query") query.append(parameter.name, input.value);
      else if (input.value) headers[parameter.name] = input.value;
    }
    const url = new URL(place.slice(1) + (query.size ? `?${query}` : ""), base).href;
    if (byId("key").value) headers["x-api-key"] = byId("key").value;
    if (contentType.length) headers["content-type"] = contentType.value;
    if (accept.value) headers.accept = accept.value;
    const content = contentType.length ? body.value : undefined;
    button.disabled = true;
    try {
      answer.replaceChildren(...await exchanged(method, url, headers, content));
    } finally {
      button.disabled = false;
    }
  };
  return { form, body, fields, contentType };
}

async function exchanged(method, url, headers, body) {
  const curl = [make("h3", {}, "The same with curl"), make("pre", {}, curlText(method, url, headers, body))];
  const begun = performance.now();
  try {
    const response = await fetch(url, { method, headers, body, cache: "no-store" });
    const bytes = await response.arrayBuffer();
    const taken = performance.now() - begun;
    const type = response.headers.get("content-type") || "";
    const text = type.includes("arrow") ? `${bytes.byteLength} bytes of Arrow` : new TextDecoder().decode(bytes);
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    return [
      make("p", {},
        make("span", { className: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`),
        ` in ${taken.toFixed(1)} ms, ${bytes.byteLength} bytes`),
      make("pre", { className: "answer" }, pretty(text, type)),
      make("h3", {}, "Headers"), make("pre", {}, lines), ...curl];
  } catch (error) {
    return [make("p", { className: "status bad" }, `No answer: ${error.message}`), ...curl];
  }
}

function routeCard(method, path, operation) {
  const built = sender(method, path, operation);
  const card = make("details", { className: "route", id: operation.operationId },
    make("summary", {},
      make("span", { className: `method ${method.toLowerCase()}` }, method),
      make("span", { className: "path" }, path),
      make("span", { className: "short" }, operation.summary || "")));
  const inside = make("div", { className: "inside" }, ...paragraphs(operation.description));
  const json = operation.requestBody && operation.requestBody.content["application/json"];
  if (json) inside.append(make("h3", {}, `Body: ${typeText(json.schema)}`), schemaTree(json.schema) || "");
  for (const [status, reference] of Object.entries(operation.responses)) {
    const response = resolved(reference);
    const media = Object.entries(response.content || {});
    const kinds = media.map(([type, content]) => (type === "application/json" ? `${type} (${typeText(content.schema)})` : type));
    inside.append(make("h3", {}, status === "default" ? "Otherwise" : `Answer ${status}`),
      make("p", { className: "faint" }, `${(response.description || "").trim().replace(/\s+/g, " ").replace(/\.$/, "")}. ${kinds.join(", ")}`));
    const shown = status === "200" && response.content && response.content["application/json"];
    const tree = shown && schemaTree(shown.schema);
    if (tree) inside.append(make("details", {}, make("summary", { className: "faint" }, "Members"), tree));
  }
  inside.append(make("h3", {}, "Send"), built.form);
  card.append(inside);
  card.addEventListener("toggle", () => card.open && prefill(operation, built), { once: true });
  return card;
}

/** Put in what works for the scoring pipeline that is served. */
async function prefill(operation, built) {
  const samples = { score: "model/sample_request", contribution: "model/sample_contribution_request" };
  const headers = byId("key").value ? { "x-api-key": byId("key").value } : {};
  const from = async (path) => {
    const response = await fetch(new URL(path, base), { headers });
    return response.ok ? response.json() : null;
  };
  const untouched = built.body.value;
  const put = (text) => { if (text && built.body.value === untouched) built.body.value = text; };
  if (samples[operation.operationId]) put(asText(await from(samples[operation.operationId])));
  const model = built.fields.find(({ parameter }) => parameter.in === "path" && parameter.name === "name");
  if (!model) return;
  const card = await from("model/schema");
  if (!card) return;
  model.input.value = card.name;
  if (operation.operationId === "infer") {
    const request = await from("model/sample_request");
    const types = Object.fromEntries(card.schema.inputFields.map((field) => [field.name, field.dataType]));
    const inputs = request.fields.map((name, k) => ({ name, shape: [1], datatype: "BYTES", data: [request.rows[0][k]] }));
    for (const input of inputs) {
      const number = Number(input.data[0]);
      if (/Float|Int/.test(types[input.name]) && input.data[0] !== "" && !Number.isNaN(number)) {
        input.datatype = "FP64";
        input.data = [number];
      }
    }
    put(asText({ inputs }));
  }
}

function show() {
  byId("title").textContent = contract.info.title;
  document.title = contract.info.title;
  byId("about").replaceChildren(...prose(contract.info.description.trim()));
  const routes = byId("routes");
  for (const tag of contract.tags) {
    const cards = [];
    for (const [path, methods] of Object.entries(contract.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags && operation.tags.includes(tag.name)) cards.push(routeCard(method.toUpperCase(), path, operation));
      }
    }
    routes.append(make("h2", {}, tag.name), make("p", { className: "faint" }, tag.description || ""), ...cards);
  }
  const schemas = byId("schemas");
  schemas.append(make("h2", {}, "Schemas"));
  for (const [name, schema] of Object.entries(contract.components.schemas)) {
    const example = exampleOf({ schema });
    schemas.append(make("details", { className: "route", id: `schema-${name}` },
      make("summary", {}, make("span", { className: "path" }, name), make("span", { className: "short" }, schema.description || "")),
      make("div", { className: "inside" }, schemaTree(schema) || make("p", { className: "type" }, typeText(schema)),
        example === undefined ? null : make("pre", {}, asText(example)))));
  }
  const wanted = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

async function begin() {
  try {
    const response = await fetch(new URL("openapi.json", base));
    if (!response.ok) throw new Error(`openapi.json: status ${response.status}`);
    contract = await response.json();
    const digest = response.headers.get("x-pipeline-digest");
    if (digest) byId("pipeline").textContent = `Scoring pipeline ${response.headers.get("x-pipeline-id")}, sha256 ${digest.slice(0, 16)}`;
    show();
  } catch (error) {
    byId("trouble").textContent = `The contract could not be loaded: ${error.message}`;
    byId("trouble").hidden = false;
  }
}

begin();
