// What the page says where the browser hands out no response.
// biome-ignore-all format: tables

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { canAskWithoutReading, failureSentence, obstacleBefore } from "../../../flushcheck/service/page/fetch-failure.js";

const PAGE = "https://here.example/page/watch-worker.js";
const KEPT = 300; // characters that an observation has of a reason

const BEFORE = [
  // name                       address                  page                    refused
  ["http from https",           "http://x.example/",     PAGE,                   true],
  ["https from https",          "https://x.example/",    PAGE,                   false],
  ["http from http",            "http://x.example/",     "http://here.example/", false],
  ["this machine",              "http://localhost:8000/", PAGE,                  false],
  ["its number",                "http://127.0.0.2/",     PAGE,                   false],
  ["its number in IPv6",        "http://[::1]/",         PAGE,                   false],
  ["a name like it",            "http://localhost.example/", PAGE,               true],
];

describe("obstacleBefore", () => {
  for (const [name, url, page, refused] of BEFORE) {
    test(name, () => assert.equal(/mixed content/.test(obstacleBefore(url, page)), refused));
  }
});

const ASKED = [
  // name               address                 method   may be asked
  ["another origin",    "https://x.example/",   "GET",   true],
  ["its own",           "https://here.example/chat", "GET", false],
  ["another port",      "https://here.example:444/", "GET", true],
  ["with an effect",    "https://x.example/",   "POST",  false],
];

describe("canAskWithoutReading", () => {
  for (const [name, url, method, may] of ASKED) test(name, () => assert.equal(canAskWithoutReading(url, method, PAGE), may));
});

const FAILURES = [
  // name                     address                responds   typed    words                                        not
  ["its own origin",          "https://here.example/a", null,   false,   /closed the connection, or it redirects/,    /CORS/],
  ["it responds",             "https://x.example/",  true,      false,   /^x.example responds, but it does not let this page read the response \(CORS: no Access-Control-Allow-Origin\)/, /reachable|OPTIONS/],
  ["it responds, headers",    "https://x.example/",  true,      true,    /or none in its response to OPTIONS/,        /reachable/],
  ["nothing responds",        "https://x.example:1/", false,    false,   /no response from x.example:1: it is not reachable, its certificate is not trusted, or an extension/, /CORS/],
  ["nothing, without TLS",    "http://x.example/",   false,     false,   /not reachable, or an extension/,            /certificate|CORS/],
  ["not asked",               "https://x.example/",  null,      true,    /does not say why: x.example is not reachable, its certificate is not trusted, or it does not let this page/, /^x/],
];

describe("failureSentence", () => {
  for (const [name, url, responds, typedHeaders, words, not] of FAILURES) {
    test(name, () => {
      const sentence = failureSentence(url, { page: PAGE, responds, typedHeaders });
      assert.match(sentence, words);
      assert.doesNotMatch(sentence, not);
      assert.ok(sentence.length <= KEPT, sentence);
    });
  }
});
