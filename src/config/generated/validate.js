// Made from src/config/options.ts by `make gen`; do not edit.
"use strict";
export const mobiked = validate10;
const schema11 = {"$id":"mobiked","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"log_level":{"type":"string","enum":["error","warn","info","debug"],"default":"info"},"node_id":{"type":"string","maxLength":64}}};

function validate10(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="mobiked" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.log_level === undefined){
data.log_level = "info";
}
for(const key0 in data){
if(!(((key0 === "enabled") || (key0 === "log_level")) || (key0 === "node_id"))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
let data1 = data.log_level;
if(typeof data1 !== "string"){
const err2 = {instancePath:instancePath+"/log_level",schemaPath:"#/properties/log_level/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(!((((data1 === "error") || (data1 === "warn")) || (data1 === "info")) || (data1 === "debug"))){
const err3 = {instancePath:instancePath+"/log_level",schemaPath:"#/properties/log_level/enum",keyword:"enum",params:{allowedValues: schema11.properties.log_level.enum}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.node_id !== undefined){
let data2 = data.node_id;
if(typeof data2 === "string"){
if(data2.length > 64){
const err4 = {instancePath:instancePath+"/node_id",schemaPath:"#/properties/node_id/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
else {
const err5 = {instancePath:instancePath+"/node_id",schemaPath:"#/properties/node_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
}
else {
const err6 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
validate10.errors = vErrors;
return errors === 0;
}

export const uplink = validate11;
const schema12 = {"$id":"uplink","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"interface":{"type":"string","maxLength":64},"device":{"type":"string","maxLength":15},"metric":{"type":"integer","minimum":0,"maximum":1000000},"metered":{"type":"boolean","default":false},"last_resort":{"type":"boolean","default":false},"schedule":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"keepalive":{"type":"string","maxLength":16,"default":"auto"},"bypass":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"probe":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":8,"uniqueItems":true},"probe_quorum":{"type":"integer","minimum":1,"maximum":8,"default":1},"probe_interval":{"type":"integer","minimum":5,"maximum":86400}}};
const func2 = Object.prototype.hasOwnProperty;

function validate11(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="uplink" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.metered === undefined){
data.metered = false;
}
if(data.last_resort === undefined){
data.last_resort = false;
}
if(data.keepalive === undefined){
data.keepalive = "auto";
}
if(data.probe_quorum === undefined){
data.probe_quorum = 1;
}
for(const key0 in data){
if(!(func2.call(schema12.properties, key0))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
if(data.interface !== undefined){
let data1 = data.interface;
if(typeof data1 === "string"){
if(data1.length > 64){
const err2 = {instancePath:instancePath+"/interface",schemaPath:"#/properties/interface/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
else {
const err3 = {instancePath:instancePath+"/interface",schemaPath:"#/properties/interface/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
if(data.device !== undefined){
let data2 = data.device;
if(typeof data2 === "string"){
if(data2.length > 15){
const err4 = {instancePath:instancePath+"/device",schemaPath:"#/properties/device/maxLength",keyword:"maxLength",params:{limit: 15}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
else {
const err5 = {instancePath:instancePath+"/device",schemaPath:"#/properties/device/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
if(data.metric !== undefined){
let data3 = data.metric;
if(!(((typeof data3 == "number") && (!(data3 % 1) && !isNaN(data3))) && (isFinite(data3)))){
const err6 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
if((typeof data3 == "number") && (isFinite(data3))){
if(data3 > 1000000 || isNaN(data3)){
const err7 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/maximum",keyword:"maximum",params:{comparison: "<=", limit: 1000000}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
if(data3 < 0 || isNaN(data3)){
const err8 = {instancePath:instancePath+"/metric",schemaPath:"#/properties/metric/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
}
if(typeof data.metered !== "boolean"){
const err9 = {instancePath:instancePath+"/metered",schemaPath:"#/properties/metered/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
if(typeof data.last_resort !== "boolean"){
const err10 = {instancePath:instancePath+"/last_resort",schemaPath:"#/properties/last_resort/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
if(data.schedule !== undefined){
let data6 = data.schedule;
if(Array.isArray(data6)){
if(data6.length > 64){
const err11 = {instancePath:instancePath+"/schedule",schemaPath:"#/properties/schedule/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
const len0 = data6.length;
for(let i0=0; i0<len0; i0++){
let data7 = data6[i0];
if(typeof data7 === "string"){
if(data7.length > 255){
const err12 = {instancePath:instancePath+"/schedule/" + i0,schemaPath:"#/properties/schedule/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
if(data7.length < 1){
const err13 = {instancePath:instancePath+"/schedule/" + i0,schemaPath:"#/properties/schedule/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
else {
const err14 = {instancePath:instancePath+"/schedule/" + i0,schemaPath:"#/properties/schedule/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
}
let i1 = data6.length;
let j0;
if(i1 > 1){
const indices0 = {};
for(;i1--;){
let item0 = data6[i1];
if(typeof item0 !== "string"){
continue;
}
if(typeof indices0[item0] == "number"){
j0 = indices0[item0];
const err15 = {instancePath:instancePath+"/schedule",schemaPath:"#/properties/schedule/uniqueItems",keyword:"uniqueItems",params:{i: i1, j: j0}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
break;
}
indices0[item0] = i1;
}
}
}
else {
const err16 = {instancePath:instancePath+"/schedule",schemaPath:"#/properties/schedule/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
let data8 = data.keepalive;
if(typeof data8 === "string"){
if(data8.length > 16){
const err17 = {instancePath:instancePath+"/keepalive",schemaPath:"#/properties/keepalive/maxLength",keyword:"maxLength",params:{limit: 16}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
else {
const err18 = {instancePath:instancePath+"/keepalive",schemaPath:"#/properties/keepalive/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
if(data.bypass !== undefined){
let data9 = data.bypass;
if(Array.isArray(data9)){
if(data9.length > 64){
const err19 = {instancePath:instancePath+"/bypass",schemaPath:"#/properties/bypass/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
const len1 = data9.length;
for(let i2=0; i2<len1; i2++){
let data10 = data9[i2];
if(typeof data10 === "string"){
if(data10.length > 255){
const err20 = {instancePath:instancePath+"/bypass/" + i2,schemaPath:"#/properties/bypass/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if(data10.length < 1){
const err21 = {instancePath:instancePath+"/bypass/" + i2,schemaPath:"#/properties/bypass/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
else {
const err22 = {instancePath:instancePath+"/bypass/" + i2,schemaPath:"#/properties/bypass/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
let i3 = data9.length;
let j1;
if(i3 > 1){
const indices1 = {};
for(;i3--;){
let item1 = data9[i3];
if(typeof item1 !== "string"){
continue;
}
if(typeof indices1[item1] == "number"){
j1 = indices1[item1];
const err23 = {instancePath:instancePath+"/bypass",schemaPath:"#/properties/bypass/uniqueItems",keyword:"uniqueItems",params:{i: i3, j: j1}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
break;
}
indices1[item1] = i3;
}
}
}
else {
const err24 = {instancePath:instancePath+"/bypass",schemaPath:"#/properties/bypass/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
}
if(data.probe !== undefined){
let data11 = data.probe;
if(Array.isArray(data11)){
if(data11.length > 8){
const err25 = {instancePath:instancePath+"/probe",schemaPath:"#/properties/probe/maxItems",keyword:"maxItems",params:{limit: 8}};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
const len2 = data11.length;
for(let i4=0; i4<len2; i4++){
let data12 = data11[i4];
if(typeof data12 === "string"){
if(data12.length > 255){
const err26 = {instancePath:instancePath+"/probe/" + i4,schemaPath:"#/properties/probe/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
if(data12.length < 1){
const err27 = {instancePath:instancePath+"/probe/" + i4,schemaPath:"#/properties/probe/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
else {
const err28 = {instancePath:instancePath+"/probe/" + i4,schemaPath:"#/properties/probe/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
}
let i5 = data11.length;
let j2;
if(i5 > 1){
const indices2 = {};
for(;i5--;){
let item2 = data11[i5];
if(typeof item2 !== "string"){
continue;
}
if(typeof indices2[item2] == "number"){
j2 = indices2[item2];
const err29 = {instancePath:instancePath+"/probe",schemaPath:"#/properties/probe/uniqueItems",keyword:"uniqueItems",params:{i: i5, j: j2}};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
break;
}
indices2[item2] = i5;
}
}
}
else {
const err30 = {instancePath:instancePath+"/probe",schemaPath:"#/properties/probe/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
}
let data13 = data.probe_quorum;
if(!(((typeof data13 == "number") && (!(data13 % 1) && !isNaN(data13))) && (isFinite(data13)))){
const err31 = {instancePath:instancePath+"/probe_quorum",schemaPath:"#/properties/probe_quorum/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
if((typeof data13 == "number") && (isFinite(data13))){
if(data13 > 8 || isNaN(data13)){
const err32 = {instancePath:instancePath+"/probe_quorum",schemaPath:"#/properties/probe_quorum/maximum",keyword:"maximum",params:{comparison: "<=", limit: 8}};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
if(data13 < 1 || isNaN(data13)){
const err33 = {instancePath:instancePath+"/probe_quorum",schemaPath:"#/properties/probe_quorum/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
}
if(data.probe_interval !== undefined){
let data14 = data.probe_interval;
if(!(((typeof data14 == "number") && (!(data14 % 1) && !isNaN(data14))) && (isFinite(data14)))){
const err34 = {instancePath:instancePath+"/probe_interval",schemaPath:"#/properties/probe_interval/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
if((typeof data14 == "number") && (isFinite(data14))){
if(data14 > 86400 || isNaN(data14)){
const err35 = {instancePath:instancePath+"/probe_interval",schemaPath:"#/properties/probe_interval/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
if(data14 < 5 || isNaN(data14)){
const err36 = {instancePath:instancePath+"/probe_interval",schemaPath:"#/properties/probe_interval/minimum",keyword:"minimum",params:{comparison: ">=", limit: 5}};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
}
}
else {
const err37 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
validate11.errors = vErrors;
return errors === 0;
}

export const connection = validate12;
const schema13 = {"$id":"connection","type":"object","additionalProperties":false,"required":[],"properties":{"enabled":{"type":"boolean","default":true},"role":{"type":"string","enum":["initiator","responder"],"default":"initiator"},"remote_addrs":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"local_addrs":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"announce_addresses":{"type":"boolean"},"external_addresses":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"verify_responder":{"type":"string","enum":["auto","always","never"],"default":"auto"},"local_id":{"type":"string","maxLength":255},"remote_id":{"type":"string","maxLength":255},"auth":{"type":"string","enum":["psk","cert"],"default":"psk"},"remote_auth":{"type":"string","enum":["psk","cert"]},"psk":{"type":"string","maxLength":512},"psk_file":{"type":"string","maxLength":255},"local_cert":{"type":"string","maxLength":255},"local_key":{"type":"string","maxLength":255},"remote_ca":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"crl":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"clock_grace":{"type":"boolean","default":true},"tls_eku":{"type":"boolean","default":false},"mobike":{"type":"boolean","default":true},"uplink":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"ike_proposal":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true,"default":["aes256gcm16-aes128gcm16-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048","aes256-aes128-sha256-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048"]},"start_port":{"type":"string","enum":["auto","500","4500"],"default":"auto"},"nat_t":{"type":"string","enum":["auto","always","never","prohibit"],"default":"auto"},"dataplane":{"type":"string","enum":["auto","userspace"],"default":"auto"},"ike_lifetime":{"type":"integer","minimum":10,"maximum":604800,"default":14400},"child_lifetime":{"type":"integer","minimum":10,"maximum":604800,"default":3600},"child_bytes":{"type":"integer","minimum":65536,"maximum":1125899906842624},"child_packets":{"type":"integer","minimum":100,"maximum":4000000000},"reauth_time":{"type":"integer","minimum":60,"maximum":2592000},"fragmentation":{"type":"boolean","default":true},"request_vip":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"pool":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"pool_dns":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"liveness":{"type":"integer","minimum":1,"maximum":86400},"echo_address":{"type":"string","maxLength":45},"mtu":{"type":"integer","minimum":576,"maximum":9000},"mtu_probe":{"type":"string","enum":["auto","on","off"],"default":"auto"},"df":{"type":"string","enum":["clear","copy"],"default":"clear"},"copy_dscp":{"type":"boolean","default":false},"ike_dscp":{"type":"string","enum":["bulk","cs6"],"default":"bulk"},"allowed_prefixes":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"denied_prefixes":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"strict_sources":{"type":"boolean","default":false},"update_rate":{"type":"integer","minimum":1,"maximum":6000,"default":60},"return_routability":{"type":"string","enum":["before","after","off"],"default":"before"},"rr_hold":{"type":"string","enum":["continue","drop"],"default":"continue"},"rr_interval":{"type":"integer","minimum":10,"maximum":86400},"esp_roaming":{"type":"string","enum":["off","port","full"],"default":"port"},"responder_switch":{"type":"string","maxLength":8,"default":"off"},"responder_switch_any":{"type":"boolean","default":false},"block_on_stop":{"type":"boolean","default":false}}};

function validate12(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="connection" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.role === undefined){
data.role = "initiator";
}
if(data.verify_responder === undefined){
data.verify_responder = "auto";
}
if(data.auth === undefined){
data.auth = "psk";
}
if(data.clock_grace === undefined){
data.clock_grace = true;
}
if(data.tls_eku === undefined){
data.tls_eku = false;
}
if(data.mobike === undefined){
data.mobike = true;
}
if(data.ike_proposal === undefined){
data.ike_proposal = ["aes256gcm16-aes128gcm16-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048","aes256-aes128-sha256-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048"];
}
if(data.start_port === undefined){
data.start_port = "auto";
}
if(data.nat_t === undefined){
data.nat_t = "auto";
}
if(data.dataplane === undefined){
data.dataplane = "auto";
}
if(data.ike_lifetime === undefined){
data.ike_lifetime = 14400;
}
if(data.child_lifetime === undefined){
data.child_lifetime = 3600;
}
if(data.fragmentation === undefined){
data.fragmentation = true;
}
if(data.mtu_probe === undefined){
data.mtu_probe = "auto";
}
if(data.df === undefined){
data.df = "clear";
}
if(data.copy_dscp === undefined){
data.copy_dscp = false;
}
if(data.ike_dscp === undefined){
data.ike_dscp = "bulk";
}
if(data.strict_sources === undefined){
data.strict_sources = false;
}
if(data.update_rate === undefined){
data.update_rate = 60;
}
if(data.return_routability === undefined){
data.return_routability = "before";
}
if(data.rr_hold === undefined){
data.rr_hold = "continue";
}
if(data.esp_roaming === undefined){
data.esp_roaming = "port";
}
if(data.responder_switch === undefined){
data.responder_switch = "off";
}
if(data.responder_switch_any === undefined){
data.responder_switch_any = false;
}
if(data.block_on_stop === undefined){
data.block_on_stop = false;
}
for(const key0 in data){
if(!(func2.call(schema13.properties, key0))){
const err0 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err1 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
let data1 = data.role;
if(typeof data1 !== "string"){
const err2 = {instancePath:instancePath+"/role",schemaPath:"#/properties/role/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(!((data1 === "initiator") || (data1 === "responder"))){
const err3 = {instancePath:instancePath+"/role",schemaPath:"#/properties/role/enum",keyword:"enum",params:{allowedValues: schema13.properties.role.enum}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
if(data.remote_addrs !== undefined){
let data2 = data.remote_addrs;
if(Array.isArray(data2)){
if(data2.length > 64){
const err4 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
const len0 = data2.length;
for(let i0=0; i0<len0; i0++){
let data3 = data2[i0];
if(typeof data3 === "string"){
if(data3.length > 255){
const err5 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(data3.length < 1){
const err6 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
else {
const err7 = {instancePath:instancePath+"/remote_addrs/" + i0,schemaPath:"#/properties/remote_addrs/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
let i1 = data2.length;
let j0;
if(i1 > 1){
const indices0 = {};
for(;i1--;){
let item0 = data2[i1];
if(typeof item0 !== "string"){
continue;
}
if(typeof indices0[item0] == "number"){
j0 = indices0[item0];
const err8 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/uniqueItems",keyword:"uniqueItems",params:{i: i1, j: j0}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
break;
}
indices0[item0] = i1;
}
}
}
else {
const err9 = {instancePath:instancePath+"/remote_addrs",schemaPath:"#/properties/remote_addrs/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
if(data.local_addrs !== undefined){
let data4 = data.local_addrs;
if(Array.isArray(data4)){
if(data4.length > 64){
const err10 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
const len1 = data4.length;
for(let i2=0; i2<len1; i2++){
let data5 = data4[i2];
if(typeof data5 === "string"){
if(data5.length > 255){
const err11 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(data5.length < 1){
const err12 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
else {
const err13 = {instancePath:instancePath+"/local_addrs/" + i2,schemaPath:"#/properties/local_addrs/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
let i3 = data4.length;
let j1;
if(i3 > 1){
const indices1 = {};
for(;i3--;){
let item1 = data4[i3];
if(typeof item1 !== "string"){
continue;
}
if(typeof indices1[item1] == "number"){
j1 = indices1[item1];
const err14 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/uniqueItems",keyword:"uniqueItems",params:{i: i3, j: j1}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
break;
}
indices1[item1] = i3;
}
}
}
else {
const err15 = {instancePath:instancePath+"/local_addrs",schemaPath:"#/properties/local_addrs/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
if(data.announce_addresses !== undefined){
if(typeof data.announce_addresses !== "boolean"){
const err16 = {instancePath:instancePath+"/announce_addresses",schemaPath:"#/properties/announce_addresses/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
}
if(data.external_addresses !== undefined){
let data7 = data.external_addresses;
if(Array.isArray(data7)){
if(data7.length > 64){
const err17 = {instancePath:instancePath+"/external_addresses",schemaPath:"#/properties/external_addresses/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
const len2 = data7.length;
for(let i4=0; i4<len2; i4++){
let data8 = data7[i4];
if(typeof data8 === "string"){
if(data8.length > 255){
const err18 = {instancePath:instancePath+"/external_addresses/" + i4,schemaPath:"#/properties/external_addresses/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
if(data8.length < 1){
const err19 = {instancePath:instancePath+"/external_addresses/" + i4,schemaPath:"#/properties/external_addresses/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
else {
const err20 = {instancePath:instancePath+"/external_addresses/" + i4,schemaPath:"#/properties/external_addresses/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
}
let i5 = data7.length;
let j2;
if(i5 > 1){
const indices2 = {};
for(;i5--;){
let item2 = data7[i5];
if(typeof item2 !== "string"){
continue;
}
if(typeof indices2[item2] == "number"){
j2 = indices2[item2];
const err21 = {instancePath:instancePath+"/external_addresses",schemaPath:"#/properties/external_addresses/uniqueItems",keyword:"uniqueItems",params:{i: i5, j: j2}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
break;
}
indices2[item2] = i5;
}
}
}
else {
const err22 = {instancePath:instancePath+"/external_addresses",schemaPath:"#/properties/external_addresses/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
let data9 = data.verify_responder;
if(typeof data9 !== "string"){
const err23 = {instancePath:instancePath+"/verify_responder",schemaPath:"#/properties/verify_responder/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
if(!(((data9 === "auto") || (data9 === "always")) || (data9 === "never"))){
const err24 = {instancePath:instancePath+"/verify_responder",schemaPath:"#/properties/verify_responder/enum",keyword:"enum",params:{allowedValues: schema13.properties.verify_responder.enum}};
if(vErrors === null){
vErrors = [err24];
}
else {
vErrors.push(err24);
}
errors++;
}
if(data.local_id !== undefined){
let data10 = data.local_id;
if(typeof data10 === "string"){
if(data10.length > 255){
const err25 = {instancePath:instancePath+"/local_id",schemaPath:"#/properties/local_id/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err25];
}
else {
vErrors.push(err25);
}
errors++;
}
}
else {
const err26 = {instancePath:instancePath+"/local_id",schemaPath:"#/properties/local_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err26];
}
else {
vErrors.push(err26);
}
errors++;
}
}
if(data.remote_id !== undefined){
let data11 = data.remote_id;
if(typeof data11 === "string"){
if(data11.length > 255){
const err27 = {instancePath:instancePath+"/remote_id",schemaPath:"#/properties/remote_id/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err27];
}
else {
vErrors.push(err27);
}
errors++;
}
}
else {
const err28 = {instancePath:instancePath+"/remote_id",schemaPath:"#/properties/remote_id/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err28];
}
else {
vErrors.push(err28);
}
errors++;
}
}
let data12 = data.auth;
if(typeof data12 !== "string"){
const err29 = {instancePath:instancePath+"/auth",schemaPath:"#/properties/auth/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err29];
}
else {
vErrors.push(err29);
}
errors++;
}
if(!((data12 === "psk") || (data12 === "cert"))){
const err30 = {instancePath:instancePath+"/auth",schemaPath:"#/properties/auth/enum",keyword:"enum",params:{allowedValues: schema13.properties.auth.enum}};
if(vErrors === null){
vErrors = [err30];
}
else {
vErrors.push(err30);
}
errors++;
}
if(data.remote_auth !== undefined){
let data13 = data.remote_auth;
if(typeof data13 !== "string"){
const err31 = {instancePath:instancePath+"/remote_auth",schemaPath:"#/properties/remote_auth/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err31];
}
else {
vErrors.push(err31);
}
errors++;
}
if(!((data13 === "psk") || (data13 === "cert"))){
const err32 = {instancePath:instancePath+"/remote_auth",schemaPath:"#/properties/remote_auth/enum",keyword:"enum",params:{allowedValues: schema13.properties.remote_auth.enum}};
if(vErrors === null){
vErrors = [err32];
}
else {
vErrors.push(err32);
}
errors++;
}
}
if(data.psk !== undefined){
let data14 = data.psk;
if(typeof data14 === "string"){
if(data14.length > 512){
const err33 = {instancePath:instancePath+"/psk",schemaPath:"#/properties/psk/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err33];
}
else {
vErrors.push(err33);
}
errors++;
}
}
else {
const err34 = {instancePath:instancePath+"/psk",schemaPath:"#/properties/psk/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err34];
}
else {
vErrors.push(err34);
}
errors++;
}
}
if(data.psk_file !== undefined){
let data15 = data.psk_file;
if(typeof data15 === "string"){
if(data15.length > 255){
const err35 = {instancePath:instancePath+"/psk_file",schemaPath:"#/properties/psk_file/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err35];
}
else {
vErrors.push(err35);
}
errors++;
}
}
else {
const err36 = {instancePath:instancePath+"/psk_file",schemaPath:"#/properties/psk_file/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err36];
}
else {
vErrors.push(err36);
}
errors++;
}
}
if(data.local_cert !== undefined){
let data16 = data.local_cert;
if(typeof data16 === "string"){
if(data16.length > 255){
const err37 = {instancePath:instancePath+"/local_cert",schemaPath:"#/properties/local_cert/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err37];
}
else {
vErrors.push(err37);
}
errors++;
}
}
else {
const err38 = {instancePath:instancePath+"/local_cert",schemaPath:"#/properties/local_cert/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err38];
}
else {
vErrors.push(err38);
}
errors++;
}
}
if(data.local_key !== undefined){
let data17 = data.local_key;
if(typeof data17 === "string"){
if(data17.length > 255){
const err39 = {instancePath:instancePath+"/local_key",schemaPath:"#/properties/local_key/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err39];
}
else {
vErrors.push(err39);
}
errors++;
}
}
else {
const err40 = {instancePath:instancePath+"/local_key",schemaPath:"#/properties/local_key/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err40];
}
else {
vErrors.push(err40);
}
errors++;
}
}
if(data.remote_ca !== undefined){
let data18 = data.remote_ca;
if(Array.isArray(data18)){
if(data18.length > 64){
const err41 = {instancePath:instancePath+"/remote_ca",schemaPath:"#/properties/remote_ca/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err41];
}
else {
vErrors.push(err41);
}
errors++;
}
const len3 = data18.length;
for(let i6=0; i6<len3; i6++){
let data19 = data18[i6];
if(typeof data19 === "string"){
if(data19.length > 255){
const err42 = {instancePath:instancePath+"/remote_ca/" + i6,schemaPath:"#/properties/remote_ca/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err42];
}
else {
vErrors.push(err42);
}
errors++;
}
if(data19.length < 1){
const err43 = {instancePath:instancePath+"/remote_ca/" + i6,schemaPath:"#/properties/remote_ca/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err43];
}
else {
vErrors.push(err43);
}
errors++;
}
}
else {
const err44 = {instancePath:instancePath+"/remote_ca/" + i6,schemaPath:"#/properties/remote_ca/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err44];
}
else {
vErrors.push(err44);
}
errors++;
}
}
let i7 = data18.length;
let j3;
if(i7 > 1){
const indices3 = {};
for(;i7--;){
let item3 = data18[i7];
if(typeof item3 !== "string"){
continue;
}
if(typeof indices3[item3] == "number"){
j3 = indices3[item3];
const err45 = {instancePath:instancePath+"/remote_ca",schemaPath:"#/properties/remote_ca/uniqueItems",keyword:"uniqueItems",params:{i: i7, j: j3}};
if(vErrors === null){
vErrors = [err45];
}
else {
vErrors.push(err45);
}
errors++;
break;
}
indices3[item3] = i7;
}
}
}
else {
const err46 = {instancePath:instancePath+"/remote_ca",schemaPath:"#/properties/remote_ca/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err46];
}
else {
vErrors.push(err46);
}
errors++;
}
}
if(data.crl !== undefined){
let data20 = data.crl;
if(Array.isArray(data20)){
if(data20.length > 64){
const err47 = {instancePath:instancePath+"/crl",schemaPath:"#/properties/crl/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err47];
}
else {
vErrors.push(err47);
}
errors++;
}
const len4 = data20.length;
for(let i8=0; i8<len4; i8++){
let data21 = data20[i8];
if(typeof data21 === "string"){
if(data21.length > 255){
const err48 = {instancePath:instancePath+"/crl/" + i8,schemaPath:"#/properties/crl/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err48];
}
else {
vErrors.push(err48);
}
errors++;
}
if(data21.length < 1){
const err49 = {instancePath:instancePath+"/crl/" + i8,schemaPath:"#/properties/crl/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err49];
}
else {
vErrors.push(err49);
}
errors++;
}
}
else {
const err50 = {instancePath:instancePath+"/crl/" + i8,schemaPath:"#/properties/crl/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err50];
}
else {
vErrors.push(err50);
}
errors++;
}
}
let i9 = data20.length;
let j4;
if(i9 > 1){
const indices4 = {};
for(;i9--;){
let item4 = data20[i9];
if(typeof item4 !== "string"){
continue;
}
if(typeof indices4[item4] == "number"){
j4 = indices4[item4];
const err51 = {instancePath:instancePath+"/crl",schemaPath:"#/properties/crl/uniqueItems",keyword:"uniqueItems",params:{i: i9, j: j4}};
if(vErrors === null){
vErrors = [err51];
}
else {
vErrors.push(err51);
}
errors++;
break;
}
indices4[item4] = i9;
}
}
}
else {
const err52 = {instancePath:instancePath+"/crl",schemaPath:"#/properties/crl/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err52];
}
else {
vErrors.push(err52);
}
errors++;
}
}
if(typeof data.clock_grace !== "boolean"){
const err53 = {instancePath:instancePath+"/clock_grace",schemaPath:"#/properties/clock_grace/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err53];
}
else {
vErrors.push(err53);
}
errors++;
}
if(typeof data.tls_eku !== "boolean"){
const err54 = {instancePath:instancePath+"/tls_eku",schemaPath:"#/properties/tls_eku/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err54];
}
else {
vErrors.push(err54);
}
errors++;
}
if(typeof data.mobike !== "boolean"){
const err55 = {instancePath:instancePath+"/mobike",schemaPath:"#/properties/mobike/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err55];
}
else {
vErrors.push(err55);
}
errors++;
}
if(data.uplink !== undefined){
let data25 = data.uplink;
if(Array.isArray(data25)){
if(data25.length > 64){
const err56 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err56];
}
else {
vErrors.push(err56);
}
errors++;
}
const len5 = data25.length;
for(let i10=0; i10<len5; i10++){
let data26 = data25[i10];
if(typeof data26 === "string"){
if(data26.length > 255){
const err57 = {instancePath:instancePath+"/uplink/" + i10,schemaPath:"#/properties/uplink/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err57];
}
else {
vErrors.push(err57);
}
errors++;
}
if(data26.length < 1){
const err58 = {instancePath:instancePath+"/uplink/" + i10,schemaPath:"#/properties/uplink/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err58];
}
else {
vErrors.push(err58);
}
errors++;
}
}
else {
const err59 = {instancePath:instancePath+"/uplink/" + i10,schemaPath:"#/properties/uplink/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err59];
}
else {
vErrors.push(err59);
}
errors++;
}
}
let i11 = data25.length;
let j5;
if(i11 > 1){
const indices5 = {};
for(;i11--;){
let item5 = data25[i11];
if(typeof item5 !== "string"){
continue;
}
if(typeof indices5[item5] == "number"){
j5 = indices5[item5];
const err60 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/uniqueItems",keyword:"uniqueItems",params:{i: i11, j: j5}};
if(vErrors === null){
vErrors = [err60];
}
else {
vErrors.push(err60);
}
errors++;
break;
}
indices5[item5] = i11;
}
}
}
else {
const err61 = {instancePath:instancePath+"/uplink",schemaPath:"#/properties/uplink/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err61];
}
else {
vErrors.push(err61);
}
errors++;
}
}
let data27 = data.ike_proposal;
if(Array.isArray(data27)){
if(data27.length > 64){
const err62 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err62];
}
else {
vErrors.push(err62);
}
errors++;
}
const len6 = data27.length;
for(let i12=0; i12<len6; i12++){
let data28 = data27[i12];
if(typeof data28 === "string"){
if(data28.length > 255){
const err63 = {instancePath:instancePath+"/ike_proposal/" + i12,schemaPath:"#/properties/ike_proposal/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err63];
}
else {
vErrors.push(err63);
}
errors++;
}
if(data28.length < 1){
const err64 = {instancePath:instancePath+"/ike_proposal/" + i12,schemaPath:"#/properties/ike_proposal/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err64];
}
else {
vErrors.push(err64);
}
errors++;
}
}
else {
const err65 = {instancePath:instancePath+"/ike_proposal/" + i12,schemaPath:"#/properties/ike_proposal/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err65];
}
else {
vErrors.push(err65);
}
errors++;
}
}
let i13 = data27.length;
let j6;
if(i13 > 1){
const indices6 = {};
for(;i13--;){
let item6 = data27[i13];
if(typeof item6 !== "string"){
continue;
}
if(typeof indices6[item6] == "number"){
j6 = indices6[item6];
const err66 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/uniqueItems",keyword:"uniqueItems",params:{i: i13, j: j6}};
if(vErrors === null){
vErrors = [err66];
}
else {
vErrors.push(err66);
}
errors++;
break;
}
indices6[item6] = i13;
}
}
}
else {
const err67 = {instancePath:instancePath+"/ike_proposal",schemaPath:"#/properties/ike_proposal/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err67];
}
else {
vErrors.push(err67);
}
errors++;
}
let data29 = data.start_port;
if(typeof data29 !== "string"){
const err68 = {instancePath:instancePath+"/start_port",schemaPath:"#/properties/start_port/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err68];
}
else {
vErrors.push(err68);
}
errors++;
}
if(!(((data29 === "auto") || (data29 === "500")) || (data29 === "4500"))){
const err69 = {instancePath:instancePath+"/start_port",schemaPath:"#/properties/start_port/enum",keyword:"enum",params:{allowedValues: schema13.properties.start_port.enum}};
if(vErrors === null){
vErrors = [err69];
}
else {
vErrors.push(err69);
}
errors++;
}
let data30 = data.nat_t;
if(typeof data30 !== "string"){
const err70 = {instancePath:instancePath+"/nat_t",schemaPath:"#/properties/nat_t/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err70];
}
else {
vErrors.push(err70);
}
errors++;
}
if(!((((data30 === "auto") || (data30 === "always")) || (data30 === "never")) || (data30 === "prohibit"))){
const err71 = {instancePath:instancePath+"/nat_t",schemaPath:"#/properties/nat_t/enum",keyword:"enum",params:{allowedValues: schema13.properties.nat_t.enum}};
if(vErrors === null){
vErrors = [err71];
}
else {
vErrors.push(err71);
}
errors++;
}
let data31 = data.dataplane;
if(typeof data31 !== "string"){
const err72 = {instancePath:instancePath+"/dataplane",schemaPath:"#/properties/dataplane/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err72];
}
else {
vErrors.push(err72);
}
errors++;
}
if(!((data31 === "auto") || (data31 === "userspace"))){
const err73 = {instancePath:instancePath+"/dataplane",schemaPath:"#/properties/dataplane/enum",keyword:"enum",params:{allowedValues: schema13.properties.dataplane.enum}};
if(vErrors === null){
vErrors = [err73];
}
else {
vErrors.push(err73);
}
errors++;
}
let data32 = data.ike_lifetime;
if(!(((typeof data32 == "number") && (!(data32 % 1) && !isNaN(data32))) && (isFinite(data32)))){
const err74 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err74];
}
else {
vErrors.push(err74);
}
errors++;
}
if((typeof data32 == "number") && (isFinite(data32))){
if(data32 > 604800 || isNaN(data32)){
const err75 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/maximum",keyword:"maximum",params:{comparison: "<=", limit: 604800}};
if(vErrors === null){
vErrors = [err75];
}
else {
vErrors.push(err75);
}
errors++;
}
if(data32 < 10 || isNaN(data32)){
const err76 = {instancePath:instancePath+"/ike_lifetime",schemaPath:"#/properties/ike_lifetime/minimum",keyword:"minimum",params:{comparison: ">=", limit: 10}};
if(vErrors === null){
vErrors = [err76];
}
else {
vErrors.push(err76);
}
errors++;
}
}
let data33 = data.child_lifetime;
if(!(((typeof data33 == "number") && (!(data33 % 1) && !isNaN(data33))) && (isFinite(data33)))){
const err77 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err77];
}
else {
vErrors.push(err77);
}
errors++;
}
if((typeof data33 == "number") && (isFinite(data33))){
if(data33 > 604800 || isNaN(data33)){
const err78 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/maximum",keyword:"maximum",params:{comparison: "<=", limit: 604800}};
if(vErrors === null){
vErrors = [err78];
}
else {
vErrors.push(err78);
}
errors++;
}
if(data33 < 10 || isNaN(data33)){
const err79 = {instancePath:instancePath+"/child_lifetime",schemaPath:"#/properties/child_lifetime/minimum",keyword:"minimum",params:{comparison: ">=", limit: 10}};
if(vErrors === null){
vErrors = [err79];
}
else {
vErrors.push(err79);
}
errors++;
}
}
if(data.child_bytes !== undefined){
let data34 = data.child_bytes;
if(!(((typeof data34 == "number") && (!(data34 % 1) && !isNaN(data34))) && (isFinite(data34)))){
const err80 = {instancePath:instancePath+"/child_bytes",schemaPath:"#/properties/child_bytes/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err80];
}
else {
vErrors.push(err80);
}
errors++;
}
if((typeof data34 == "number") && (isFinite(data34))){
if(data34 > 1125899906842624 || isNaN(data34)){
const err81 = {instancePath:instancePath+"/child_bytes",schemaPath:"#/properties/child_bytes/maximum",keyword:"maximum",params:{comparison: "<=", limit: 1125899906842624}};
if(vErrors === null){
vErrors = [err81];
}
else {
vErrors.push(err81);
}
errors++;
}
if(data34 < 65536 || isNaN(data34)){
const err82 = {instancePath:instancePath+"/child_bytes",schemaPath:"#/properties/child_bytes/minimum",keyword:"minimum",params:{comparison: ">=", limit: 65536}};
if(vErrors === null){
vErrors = [err82];
}
else {
vErrors.push(err82);
}
errors++;
}
}
}
if(data.child_packets !== undefined){
let data35 = data.child_packets;
if(!(((typeof data35 == "number") && (!(data35 % 1) && !isNaN(data35))) && (isFinite(data35)))){
const err83 = {instancePath:instancePath+"/child_packets",schemaPath:"#/properties/child_packets/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err83];
}
else {
vErrors.push(err83);
}
errors++;
}
if((typeof data35 == "number") && (isFinite(data35))){
if(data35 > 4000000000 || isNaN(data35)){
const err84 = {instancePath:instancePath+"/child_packets",schemaPath:"#/properties/child_packets/maximum",keyword:"maximum",params:{comparison: "<=", limit: 4000000000}};
if(vErrors === null){
vErrors = [err84];
}
else {
vErrors.push(err84);
}
errors++;
}
if(data35 < 100 || isNaN(data35)){
const err85 = {instancePath:instancePath+"/child_packets",schemaPath:"#/properties/child_packets/minimum",keyword:"minimum",params:{comparison: ">=", limit: 100}};
if(vErrors === null){
vErrors = [err85];
}
else {
vErrors.push(err85);
}
errors++;
}
}
}
if(data.reauth_time !== undefined){
let data36 = data.reauth_time;
if(!(((typeof data36 == "number") && (!(data36 % 1) && !isNaN(data36))) && (isFinite(data36)))){
const err86 = {instancePath:instancePath+"/reauth_time",schemaPath:"#/properties/reauth_time/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err86];
}
else {
vErrors.push(err86);
}
errors++;
}
if((typeof data36 == "number") && (isFinite(data36))){
if(data36 > 2592000 || isNaN(data36)){
const err87 = {instancePath:instancePath+"/reauth_time",schemaPath:"#/properties/reauth_time/maximum",keyword:"maximum",params:{comparison: "<=", limit: 2592000}};
if(vErrors === null){
vErrors = [err87];
}
else {
vErrors.push(err87);
}
errors++;
}
if(data36 < 60 || isNaN(data36)){
const err88 = {instancePath:instancePath+"/reauth_time",schemaPath:"#/properties/reauth_time/minimum",keyword:"minimum",params:{comparison: ">=", limit: 60}};
if(vErrors === null){
vErrors = [err88];
}
else {
vErrors.push(err88);
}
errors++;
}
}
}
if(typeof data.fragmentation !== "boolean"){
const err89 = {instancePath:instancePath+"/fragmentation",schemaPath:"#/properties/fragmentation/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err89];
}
else {
vErrors.push(err89);
}
errors++;
}
if(data.request_vip !== undefined){
let data38 = data.request_vip;
if(Array.isArray(data38)){
if(data38.length > 64){
const err90 = {instancePath:instancePath+"/request_vip",schemaPath:"#/properties/request_vip/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err90];
}
else {
vErrors.push(err90);
}
errors++;
}
const len7 = data38.length;
for(let i14=0; i14<len7; i14++){
let data39 = data38[i14];
if(typeof data39 === "string"){
if(data39.length > 255){
const err91 = {instancePath:instancePath+"/request_vip/" + i14,schemaPath:"#/properties/request_vip/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err91];
}
else {
vErrors.push(err91);
}
errors++;
}
if(data39.length < 1){
const err92 = {instancePath:instancePath+"/request_vip/" + i14,schemaPath:"#/properties/request_vip/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err92];
}
else {
vErrors.push(err92);
}
errors++;
}
}
else {
const err93 = {instancePath:instancePath+"/request_vip/" + i14,schemaPath:"#/properties/request_vip/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err93];
}
else {
vErrors.push(err93);
}
errors++;
}
}
let i15 = data38.length;
let j7;
if(i15 > 1){
const indices7 = {};
for(;i15--;){
let item7 = data38[i15];
if(typeof item7 !== "string"){
continue;
}
if(typeof indices7[item7] == "number"){
j7 = indices7[item7];
const err94 = {instancePath:instancePath+"/request_vip",schemaPath:"#/properties/request_vip/uniqueItems",keyword:"uniqueItems",params:{i: i15, j: j7}};
if(vErrors === null){
vErrors = [err94];
}
else {
vErrors.push(err94);
}
errors++;
break;
}
indices7[item7] = i15;
}
}
}
else {
const err95 = {instancePath:instancePath+"/request_vip",schemaPath:"#/properties/request_vip/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err95];
}
else {
vErrors.push(err95);
}
errors++;
}
}
if(data.pool !== undefined){
let data40 = data.pool;
if(Array.isArray(data40)){
if(data40.length > 64){
const err96 = {instancePath:instancePath+"/pool",schemaPath:"#/properties/pool/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err96];
}
else {
vErrors.push(err96);
}
errors++;
}
const len8 = data40.length;
for(let i16=0; i16<len8; i16++){
let data41 = data40[i16];
if(typeof data41 === "string"){
if(data41.length > 255){
const err97 = {instancePath:instancePath+"/pool/" + i16,schemaPath:"#/properties/pool/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err97];
}
else {
vErrors.push(err97);
}
errors++;
}
if(data41.length < 1){
const err98 = {instancePath:instancePath+"/pool/" + i16,schemaPath:"#/properties/pool/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err98];
}
else {
vErrors.push(err98);
}
errors++;
}
}
else {
const err99 = {instancePath:instancePath+"/pool/" + i16,schemaPath:"#/properties/pool/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err99];
}
else {
vErrors.push(err99);
}
errors++;
}
}
let i17 = data40.length;
let j8;
if(i17 > 1){
const indices8 = {};
for(;i17--;){
let item8 = data40[i17];
if(typeof item8 !== "string"){
continue;
}
if(typeof indices8[item8] == "number"){
j8 = indices8[item8];
const err100 = {instancePath:instancePath+"/pool",schemaPath:"#/properties/pool/uniqueItems",keyword:"uniqueItems",params:{i: i17, j: j8}};
if(vErrors === null){
vErrors = [err100];
}
else {
vErrors.push(err100);
}
errors++;
break;
}
indices8[item8] = i17;
}
}
}
else {
const err101 = {instancePath:instancePath+"/pool",schemaPath:"#/properties/pool/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err101];
}
else {
vErrors.push(err101);
}
errors++;
}
}
if(data.pool_dns !== undefined){
let data42 = data.pool_dns;
if(Array.isArray(data42)){
if(data42.length > 64){
const err102 = {instancePath:instancePath+"/pool_dns",schemaPath:"#/properties/pool_dns/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err102];
}
else {
vErrors.push(err102);
}
errors++;
}
const len9 = data42.length;
for(let i18=0; i18<len9; i18++){
let data43 = data42[i18];
if(typeof data43 === "string"){
if(data43.length > 255){
const err103 = {instancePath:instancePath+"/pool_dns/" + i18,schemaPath:"#/properties/pool_dns/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err103];
}
else {
vErrors.push(err103);
}
errors++;
}
if(data43.length < 1){
const err104 = {instancePath:instancePath+"/pool_dns/" + i18,schemaPath:"#/properties/pool_dns/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err104];
}
else {
vErrors.push(err104);
}
errors++;
}
}
else {
const err105 = {instancePath:instancePath+"/pool_dns/" + i18,schemaPath:"#/properties/pool_dns/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err105];
}
else {
vErrors.push(err105);
}
errors++;
}
}
let i19 = data42.length;
let j9;
if(i19 > 1){
const indices9 = {};
for(;i19--;){
let item9 = data42[i19];
if(typeof item9 !== "string"){
continue;
}
if(typeof indices9[item9] == "number"){
j9 = indices9[item9];
const err106 = {instancePath:instancePath+"/pool_dns",schemaPath:"#/properties/pool_dns/uniqueItems",keyword:"uniqueItems",params:{i: i19, j: j9}};
if(vErrors === null){
vErrors = [err106];
}
else {
vErrors.push(err106);
}
errors++;
break;
}
indices9[item9] = i19;
}
}
}
else {
const err107 = {instancePath:instancePath+"/pool_dns",schemaPath:"#/properties/pool_dns/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err107];
}
else {
vErrors.push(err107);
}
errors++;
}
}
if(data.liveness !== undefined){
let data44 = data.liveness;
if(!(((typeof data44 == "number") && (!(data44 % 1) && !isNaN(data44))) && (isFinite(data44)))){
const err108 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err108];
}
else {
vErrors.push(err108);
}
errors++;
}
if((typeof data44 == "number") && (isFinite(data44))){
if(data44 > 86400 || isNaN(data44)){
const err109 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err109];
}
else {
vErrors.push(err109);
}
errors++;
}
if(data44 < 1 || isNaN(data44)){
const err110 = {instancePath:instancePath+"/liveness",schemaPath:"#/properties/liveness/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err110];
}
else {
vErrors.push(err110);
}
errors++;
}
}
}
if(data.echo_address !== undefined){
let data45 = data.echo_address;
if(typeof data45 === "string"){
if(data45.length > 45){
const err111 = {instancePath:instancePath+"/echo_address",schemaPath:"#/properties/echo_address/maxLength",keyword:"maxLength",params:{limit: 45}};
if(vErrors === null){
vErrors = [err111];
}
else {
vErrors.push(err111);
}
errors++;
}
}
else {
const err112 = {instancePath:instancePath+"/echo_address",schemaPath:"#/properties/echo_address/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err112];
}
else {
vErrors.push(err112);
}
errors++;
}
}
if(data.mtu !== undefined){
let data46 = data.mtu;
if(!(((typeof data46 == "number") && (!(data46 % 1) && !isNaN(data46))) && (isFinite(data46)))){
const err113 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err113];
}
else {
vErrors.push(err113);
}
errors++;
}
if((typeof data46 == "number") && (isFinite(data46))){
if(data46 > 9000 || isNaN(data46)){
const err114 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/maximum",keyword:"maximum",params:{comparison: "<=", limit: 9000}};
if(vErrors === null){
vErrors = [err114];
}
else {
vErrors.push(err114);
}
errors++;
}
if(data46 < 576 || isNaN(data46)){
const err115 = {instancePath:instancePath+"/mtu",schemaPath:"#/properties/mtu/minimum",keyword:"minimum",params:{comparison: ">=", limit: 576}};
if(vErrors === null){
vErrors = [err115];
}
else {
vErrors.push(err115);
}
errors++;
}
}
}
let data47 = data.mtu_probe;
if(typeof data47 !== "string"){
const err116 = {instancePath:instancePath+"/mtu_probe",schemaPath:"#/properties/mtu_probe/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err116];
}
else {
vErrors.push(err116);
}
errors++;
}
if(!(((data47 === "auto") || (data47 === "on")) || (data47 === "off"))){
const err117 = {instancePath:instancePath+"/mtu_probe",schemaPath:"#/properties/mtu_probe/enum",keyword:"enum",params:{allowedValues: schema13.properties.mtu_probe.enum}};
if(vErrors === null){
vErrors = [err117];
}
else {
vErrors.push(err117);
}
errors++;
}
let data48 = data.df;
if(typeof data48 !== "string"){
const err118 = {instancePath:instancePath+"/df",schemaPath:"#/properties/df/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err118];
}
else {
vErrors.push(err118);
}
errors++;
}
if(!((data48 === "clear") || (data48 === "copy"))){
const err119 = {instancePath:instancePath+"/df",schemaPath:"#/properties/df/enum",keyword:"enum",params:{allowedValues: schema13.properties.df.enum}};
if(vErrors === null){
vErrors = [err119];
}
else {
vErrors.push(err119);
}
errors++;
}
if(typeof data.copy_dscp !== "boolean"){
const err120 = {instancePath:instancePath+"/copy_dscp",schemaPath:"#/properties/copy_dscp/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err120];
}
else {
vErrors.push(err120);
}
errors++;
}
let data50 = data.ike_dscp;
if(typeof data50 !== "string"){
const err121 = {instancePath:instancePath+"/ike_dscp",schemaPath:"#/properties/ike_dscp/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err121];
}
else {
vErrors.push(err121);
}
errors++;
}
if(!((data50 === "bulk") || (data50 === "cs6"))){
const err122 = {instancePath:instancePath+"/ike_dscp",schemaPath:"#/properties/ike_dscp/enum",keyword:"enum",params:{allowedValues: schema13.properties.ike_dscp.enum}};
if(vErrors === null){
vErrors = [err122];
}
else {
vErrors.push(err122);
}
errors++;
}
if(data.allowed_prefixes !== undefined){
let data51 = data.allowed_prefixes;
if(Array.isArray(data51)){
if(data51.length > 64){
const err123 = {instancePath:instancePath+"/allowed_prefixes",schemaPath:"#/properties/allowed_prefixes/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err123];
}
else {
vErrors.push(err123);
}
errors++;
}
const len10 = data51.length;
for(let i20=0; i20<len10; i20++){
let data52 = data51[i20];
if(typeof data52 === "string"){
if(data52.length > 255){
const err124 = {instancePath:instancePath+"/allowed_prefixes/" + i20,schemaPath:"#/properties/allowed_prefixes/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err124];
}
else {
vErrors.push(err124);
}
errors++;
}
if(data52.length < 1){
const err125 = {instancePath:instancePath+"/allowed_prefixes/" + i20,schemaPath:"#/properties/allowed_prefixes/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err125];
}
else {
vErrors.push(err125);
}
errors++;
}
}
else {
const err126 = {instancePath:instancePath+"/allowed_prefixes/" + i20,schemaPath:"#/properties/allowed_prefixes/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err126];
}
else {
vErrors.push(err126);
}
errors++;
}
}
let i21 = data51.length;
let j10;
if(i21 > 1){
const indices10 = {};
for(;i21--;){
let item10 = data51[i21];
if(typeof item10 !== "string"){
continue;
}
if(typeof indices10[item10] == "number"){
j10 = indices10[item10];
const err127 = {instancePath:instancePath+"/allowed_prefixes",schemaPath:"#/properties/allowed_prefixes/uniqueItems",keyword:"uniqueItems",params:{i: i21, j: j10}};
if(vErrors === null){
vErrors = [err127];
}
else {
vErrors.push(err127);
}
errors++;
break;
}
indices10[item10] = i21;
}
}
}
else {
const err128 = {instancePath:instancePath+"/allowed_prefixes",schemaPath:"#/properties/allowed_prefixes/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err128];
}
else {
vErrors.push(err128);
}
errors++;
}
}
if(data.denied_prefixes !== undefined){
let data53 = data.denied_prefixes;
if(Array.isArray(data53)){
if(data53.length > 64){
const err129 = {instancePath:instancePath+"/denied_prefixes",schemaPath:"#/properties/denied_prefixes/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err129];
}
else {
vErrors.push(err129);
}
errors++;
}
const len11 = data53.length;
for(let i22=0; i22<len11; i22++){
let data54 = data53[i22];
if(typeof data54 === "string"){
if(data54.length > 255){
const err130 = {instancePath:instancePath+"/denied_prefixes/" + i22,schemaPath:"#/properties/denied_prefixes/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err130];
}
else {
vErrors.push(err130);
}
errors++;
}
if(data54.length < 1){
const err131 = {instancePath:instancePath+"/denied_prefixes/" + i22,schemaPath:"#/properties/denied_prefixes/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err131];
}
else {
vErrors.push(err131);
}
errors++;
}
}
else {
const err132 = {instancePath:instancePath+"/denied_prefixes/" + i22,schemaPath:"#/properties/denied_prefixes/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err132];
}
else {
vErrors.push(err132);
}
errors++;
}
}
let i23 = data53.length;
let j11;
if(i23 > 1){
const indices11 = {};
for(;i23--;){
let item11 = data53[i23];
if(typeof item11 !== "string"){
continue;
}
if(typeof indices11[item11] == "number"){
j11 = indices11[item11];
const err133 = {instancePath:instancePath+"/denied_prefixes",schemaPath:"#/properties/denied_prefixes/uniqueItems",keyword:"uniqueItems",params:{i: i23, j: j11}};
if(vErrors === null){
vErrors = [err133];
}
else {
vErrors.push(err133);
}
errors++;
break;
}
indices11[item11] = i23;
}
}
}
else {
const err134 = {instancePath:instancePath+"/denied_prefixes",schemaPath:"#/properties/denied_prefixes/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err134];
}
else {
vErrors.push(err134);
}
errors++;
}
}
if(typeof data.strict_sources !== "boolean"){
const err135 = {instancePath:instancePath+"/strict_sources",schemaPath:"#/properties/strict_sources/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err135];
}
else {
vErrors.push(err135);
}
errors++;
}
let data56 = data.update_rate;
if(!(((typeof data56 == "number") && (!(data56 % 1) && !isNaN(data56))) && (isFinite(data56)))){
const err136 = {instancePath:instancePath+"/update_rate",schemaPath:"#/properties/update_rate/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err136];
}
else {
vErrors.push(err136);
}
errors++;
}
if((typeof data56 == "number") && (isFinite(data56))){
if(data56 > 6000 || isNaN(data56)){
const err137 = {instancePath:instancePath+"/update_rate",schemaPath:"#/properties/update_rate/maximum",keyword:"maximum",params:{comparison: "<=", limit: 6000}};
if(vErrors === null){
vErrors = [err137];
}
else {
vErrors.push(err137);
}
errors++;
}
if(data56 < 1 || isNaN(data56)){
const err138 = {instancePath:instancePath+"/update_rate",schemaPath:"#/properties/update_rate/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err138];
}
else {
vErrors.push(err138);
}
errors++;
}
}
let data57 = data.return_routability;
if(typeof data57 !== "string"){
const err139 = {instancePath:instancePath+"/return_routability",schemaPath:"#/properties/return_routability/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err139];
}
else {
vErrors.push(err139);
}
errors++;
}
if(!(((data57 === "before") || (data57 === "after")) || (data57 === "off"))){
const err140 = {instancePath:instancePath+"/return_routability",schemaPath:"#/properties/return_routability/enum",keyword:"enum",params:{allowedValues: schema13.properties.return_routability.enum}};
if(vErrors === null){
vErrors = [err140];
}
else {
vErrors.push(err140);
}
errors++;
}
let data58 = data.rr_hold;
if(typeof data58 !== "string"){
const err141 = {instancePath:instancePath+"/rr_hold",schemaPath:"#/properties/rr_hold/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err141];
}
else {
vErrors.push(err141);
}
errors++;
}
if(!((data58 === "continue") || (data58 === "drop"))){
const err142 = {instancePath:instancePath+"/rr_hold",schemaPath:"#/properties/rr_hold/enum",keyword:"enum",params:{allowedValues: schema13.properties.rr_hold.enum}};
if(vErrors === null){
vErrors = [err142];
}
else {
vErrors.push(err142);
}
errors++;
}
if(data.rr_interval !== undefined){
let data59 = data.rr_interval;
if(!(((typeof data59 == "number") && (!(data59 % 1) && !isNaN(data59))) && (isFinite(data59)))){
const err143 = {instancePath:instancePath+"/rr_interval",schemaPath:"#/properties/rr_interval/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err143];
}
else {
vErrors.push(err143);
}
errors++;
}
if((typeof data59 == "number") && (isFinite(data59))){
if(data59 > 86400 || isNaN(data59)){
const err144 = {instancePath:instancePath+"/rr_interval",schemaPath:"#/properties/rr_interval/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err144];
}
else {
vErrors.push(err144);
}
errors++;
}
if(data59 < 10 || isNaN(data59)){
const err145 = {instancePath:instancePath+"/rr_interval",schemaPath:"#/properties/rr_interval/minimum",keyword:"minimum",params:{comparison: ">=", limit: 10}};
if(vErrors === null){
vErrors = [err145];
}
else {
vErrors.push(err145);
}
errors++;
}
}
}
let data60 = data.esp_roaming;
if(typeof data60 !== "string"){
const err146 = {instancePath:instancePath+"/esp_roaming",schemaPath:"#/properties/esp_roaming/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err146];
}
else {
vErrors.push(err146);
}
errors++;
}
if(!(((data60 === "off") || (data60 === "port")) || (data60 === "full"))){
const err147 = {instancePath:instancePath+"/esp_roaming",schemaPath:"#/properties/esp_roaming/enum",keyword:"enum",params:{allowedValues: schema13.properties.esp_roaming.enum}};
if(vErrors === null){
vErrors = [err147];
}
else {
vErrors.push(err147);
}
errors++;
}
let data61 = data.responder_switch;
if(typeof data61 === "string"){
if(data61.length > 8){
const err148 = {instancePath:instancePath+"/responder_switch",schemaPath:"#/properties/responder_switch/maxLength",keyword:"maxLength",params:{limit: 8}};
if(vErrors === null){
vErrors = [err148];
}
else {
vErrors.push(err148);
}
errors++;
}
}
else {
const err149 = {instancePath:instancePath+"/responder_switch",schemaPath:"#/properties/responder_switch/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err149];
}
else {
vErrors.push(err149);
}
errors++;
}
if(typeof data.responder_switch_any !== "boolean"){
const err150 = {instancePath:instancePath+"/responder_switch_any",schemaPath:"#/properties/responder_switch_any/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err150];
}
else {
vErrors.push(err150);
}
errors++;
}
if(typeof data.block_on_stop !== "boolean"){
const err151 = {instancePath:instancePath+"/block_on_stop",schemaPath:"#/properties/block_on_stop/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err151];
}
else {
vErrors.push(err151);
}
errors++;
}
}
else {
const err152 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err152];
}
else {
vErrors.push(err152);
}
errors++;
}
validate12.errors = vErrors;
return errors === 0;
}

export const child = validate13;
const schema14 = {"$id":"child","type":"object","additionalProperties":false,"required":["connection"],"properties":{"connection":{"type":"string","maxLength":64},"local_ts":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"remote_ts":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true},"esp_proposal":{"type":"array","items":{"type":"string","minLength":1,"maxLength":255},"maxItems":64,"uniqueItems":true,"default":["aes256gcm16-aes128gcm16","aes256-aes128-sha256-sha512"]}}};

function validate13(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="child" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.esp_proposal === undefined){
data.esp_proposal = ["aes256gcm16-aes128gcm16","aes256-aes128-sha256-sha512"];
}
if(data.connection === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "connection"}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
for(const key0 in data){
if(!((((key0 === "connection") || (key0 === "local_ts")) || (key0 === "remote_ts")) || (key0 === "esp_proposal"))){
const err1 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
if(data.connection !== undefined){
let data0 = data.connection;
if(typeof data0 === "string"){
if(data0.length > 64){
const err2 = {instancePath:instancePath+"/connection",schemaPath:"#/properties/connection/maxLength",keyword:"maxLength",params:{limit: 64}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
}
else {
const err3 = {instancePath:instancePath+"/connection",schemaPath:"#/properties/connection/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
if(data.local_ts !== undefined){
let data1 = data.local_ts;
if(Array.isArray(data1)){
if(data1.length > 64){
const err4 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
const len0 = data1.length;
for(let i0=0; i0<len0; i0++){
let data2 = data1[i0];
if(typeof data2 === "string"){
if(data2.length > 255){
const err5 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(data2.length < 1){
const err6 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
else {
const err7 = {instancePath:instancePath+"/local_ts/" + i0,schemaPath:"#/properties/local_ts/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
let i1 = data1.length;
let j0;
if(i1 > 1){
const indices0 = {};
for(;i1--;){
let item0 = data1[i1];
if(typeof item0 !== "string"){
continue;
}
if(typeof indices0[item0] == "number"){
j0 = indices0[item0];
const err8 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/uniqueItems",keyword:"uniqueItems",params:{i: i1, j: j0}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
break;
}
indices0[item0] = i1;
}
}
}
else {
const err9 = {instancePath:instancePath+"/local_ts",schemaPath:"#/properties/local_ts/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
if(data.remote_ts !== undefined){
let data3 = data.remote_ts;
if(Array.isArray(data3)){
if(data3.length > 64){
const err10 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
const len1 = data3.length;
for(let i2=0; i2<len1; i2++){
let data4 = data3[i2];
if(typeof data4 === "string"){
if(data4.length > 255){
const err11 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(data4.length < 1){
const err12 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
else {
const err13 = {instancePath:instancePath+"/remote_ts/" + i2,schemaPath:"#/properties/remote_ts/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
let i3 = data3.length;
let j1;
if(i3 > 1){
const indices1 = {};
for(;i3--;){
let item1 = data3[i3];
if(typeof item1 !== "string"){
continue;
}
if(typeof indices1[item1] == "number"){
j1 = indices1[item1];
const err14 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/uniqueItems",keyword:"uniqueItems",params:{i: i3, j: j1}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
break;
}
indices1[item1] = i3;
}
}
}
else {
const err15 = {instancePath:instancePath+"/remote_ts",schemaPath:"#/properties/remote_ts/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
}
let data5 = data.esp_proposal;
if(Array.isArray(data5)){
if(data5.length > 64){
const err16 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/maxItems",keyword:"maxItems",params:{limit: 64}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
const len2 = data5.length;
for(let i4=0; i4<len2; i4++){
let data6 = data5[i4];
if(typeof data6 === "string"){
if(data6.length > 255){
const err17 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
if(data6.length < 1){
const err18 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/minLength",keyword:"minLength",params:{limit: 1}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
else {
const err19 = {instancePath:instancePath+"/esp_proposal/" + i4,schemaPath:"#/properties/esp_proposal/items/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
let i5 = data5.length;
let j2;
if(i5 > 1){
const indices2 = {};
for(;i5--;){
let item2 = data5[i5];
if(typeof item2 !== "string"){
continue;
}
if(typeof indices2[item2] == "number"){
j2 = indices2[item2];
const err20 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/uniqueItems",keyword:"uniqueItems",params:{i: i5, j: j2}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
break;
}
indices2[item2] = i5;
}
}
}
else {
const err21 = {instancePath:instancePath+"/esp_proposal",schemaPath:"#/properties/esp_proposal/type",keyword:"type",params:{type: "array"}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
}
else {
const err22 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
validate13.errors = vErrors;
return errors === 0;
}

export const mqtt = validate14;
const schema15 = {"$id":"mqtt","type":"object","additionalProperties":false,"required":["broker"],"properties":{"enabled":{"type":"boolean","default":true},"broker":{"type":"string","maxLength":512},"ca":{"type":"string","maxLength":255},"username":{"type":"string","maxLength":255},"password":{"type":"string","maxLength":512},"password_file":{"type":"string","maxLength":255},"topic_prefix":{"type":"string","maxLength":128,"default":"mobiked"},"interval":{"type":"integer","minimum":1,"maximum":86400,"default":60},"via":{"type":"string","enum":["auto","tunnel","uplink"],"default":"auto"},"queue":{"type":"integer","minimum":1,"maximum":100000,"default":1000}}};

function validate14(data, {instancePath="", parentData, parentDataProperty, rootData=data}={}){
/*# sourceURL="mqtt" */;
let vErrors = null;
let errors = 0;
if(data && typeof data == "object" && !Array.isArray(data)){
if(data.enabled === undefined){
data.enabled = true;
}
if(data.topic_prefix === undefined){
data.topic_prefix = "mobiked";
}
if(data.interval === undefined){
data.interval = 60;
}
if(data.via === undefined){
data.via = "auto";
}
if(data.queue === undefined){
data.queue = 1000;
}
if(data.broker === undefined){
const err0 = {instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: "broker"}};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
for(const key0 in data){
if(!(func2.call(schema15.properties, key0))){
const err1 = {instancePath,schemaPath:"#/additionalProperties",keyword:"additionalProperties",params:{additionalProperty: key0}};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
}
if(typeof data.enabled !== "boolean"){
const err2 = {instancePath:instancePath+"/enabled",schemaPath:"#/properties/enabled/type",keyword:"type",params:{type: "boolean"}};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
if(data.broker !== undefined){
let data1 = data.broker;
if(typeof data1 === "string"){
if(data1.length > 512){
const err3 = {instancePath:instancePath+"/broker",schemaPath:"#/properties/broker/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
}
else {
const err4 = {instancePath:instancePath+"/broker",schemaPath:"#/properties/broker/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
}
if(data.ca !== undefined){
let data2 = data.ca;
if(typeof data2 === "string"){
if(data2.length > 255){
const err5 = {instancePath:instancePath+"/ca",schemaPath:"#/properties/ca/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
}
else {
const err6 = {instancePath:instancePath+"/ca",schemaPath:"#/properties/ca/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
if(data.username !== undefined){
let data3 = data.username;
if(typeof data3 === "string"){
if(data3.length > 255){
const err7 = {instancePath:instancePath+"/username",schemaPath:"#/properties/username/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
}
else {
const err8 = {instancePath:instancePath+"/username",schemaPath:"#/properties/username/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
if(data.password !== undefined){
let data4 = data.password;
if(typeof data4 === "string"){
if(data4.length > 512){
const err9 = {instancePath:instancePath+"/password",schemaPath:"#/properties/password/maxLength",keyword:"maxLength",params:{limit: 512}};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
}
else {
const err10 = {instancePath:instancePath+"/password",schemaPath:"#/properties/password/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
if(data.password_file !== undefined){
let data5 = data.password_file;
if(typeof data5 === "string"){
if(data5.length > 255){
const err11 = {instancePath:instancePath+"/password_file",schemaPath:"#/properties/password_file/maxLength",keyword:"maxLength",params:{limit: 255}};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
}
else {
const err12 = {instancePath:instancePath+"/password_file",schemaPath:"#/properties/password_file/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
let data6 = data.topic_prefix;
if(typeof data6 === "string"){
if(data6.length > 128){
const err13 = {instancePath:instancePath+"/topic_prefix",schemaPath:"#/properties/topic_prefix/maxLength",keyword:"maxLength",params:{limit: 128}};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
}
else {
const err14 = {instancePath:instancePath+"/topic_prefix",schemaPath:"#/properties/topic_prefix/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
let data7 = data.interval;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
const err15 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 > 86400 || isNaN(data7)){
const err16 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/maximum",keyword:"maximum",params:{comparison: "<=", limit: 86400}};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
if(data7 < 1 || isNaN(data7)){
const err17 = {instancePath:instancePath+"/interval",schemaPath:"#/properties/interval/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
let data8 = data.via;
if(typeof data8 !== "string"){
const err18 = {instancePath:instancePath+"/via",schemaPath:"#/properties/via/type",keyword:"type",params:{type: "string"}};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
if(!(((data8 === "auto") || (data8 === "tunnel")) || (data8 === "uplink"))){
const err19 = {instancePath:instancePath+"/via",schemaPath:"#/properties/via/enum",keyword:"enum",params:{allowedValues: schema15.properties.via.enum}};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
let data9 = data.queue;
if(!(((typeof data9 == "number") && (!(data9 % 1) && !isNaN(data9))) && (isFinite(data9)))){
const err20 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/type",keyword:"type",params:{type: "integer"}};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
if((typeof data9 == "number") && (isFinite(data9))){
if(data9 > 100000 || isNaN(data9)){
const err21 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/maximum",keyword:"maximum",params:{comparison: "<=", limit: 100000}};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
}
if(data9 < 1 || isNaN(data9)){
const err22 = {instancePath:instancePath+"/queue",schemaPath:"#/properties/queue/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1}};
if(vErrors === null){
vErrors = [err22];
}
else {
vErrors.push(err22);
}
errors++;
}
}
}
else {
const err23 = {instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"}};
if(vErrors === null){
vErrors = [err23];
}
else {
vErrors.push(err23);
}
errors++;
}
validate14.errors = vErrors;
return errors === 0;
}
