// The interface in words, from the server's own OpenAPI description.

const find = (id) => document.getElementById(id);

function element(tag, text = "", ...children) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.append(...children);
  return made;
}

function follow(description, schema) {
  return schema && schema.$ref ? schema.$ref.slice(2).split("/").reduce((at, key) => at[key], description) : schema;
}

// Each field of a schema and of those inside it, as [path, what it means].
function fields(description, schema, path = "") {
  const here = follow(description, schema) || {};
  const inner = here.anyOf ? here.anyOf.find((one) => one.type !== "null") : here;
  if (inner.type === "array" && inner.items && (inner.items.$ref || inner.items.properties)) {
    return fields(description, inner.items, `${path}[]`);
  }
  return Object.entries(here.properties || {}).flatMap(([name, value]) => {
    const full = path ? `${path}.${name}` : name;
    const target = follow(description, value);
    const meaning = value.description || target.description || "";
    return [[full, meaning], ...fields(description, value, full)];
  });
}

function list(pairs) {
  return element("dl", "", ...pairs.flatMap(([name, meaning]) => [element("dt", "", element("code", name)), element("dd", meaning)]));
}

function route(description, path, method, operation) {
  const section = element("section", "", element("h2", "", element("code", `${method.toUpperCase()} ${path}`)));
  section.append(element("p", `${operation.summary}. ${operation.description || ""}`));
  const body = operation.requestBody && operation.requestBody.content["multipart/form-data"];
  if (body) {
    section.append(element("h3", "Fields of the form (multipart/form-data)"), list(fields(description, body.schema)));
  }
  const answer = operation.responses["200"].content["application/json"].schema;
  section.append(element("h3", "Answer (JSON)"), list(fields(description, answer)));
  const others = Object.entries(operation.responses).filter(([status]) => status !== "200");
  section.append(element("h3", 'Otherwise {"detail": "one sentence"} with'), list(others.map(([status, one]) => [status, one.description])));
  return section;
}

const description = await (await fetch("openapi.json")).json();
find("about").textContent = description.info.description;
find("example").textContent = `curl -F images=@party.jpg ${new URL("api/predict", location.href)}`;
for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    find("routes").append(route(description, path, method, operation));
  }
}
