// Made by hand for tests, in the shape of a player script.
var _yt_player={};(function(g){var window=this;'use strict';
var t="split;join;reverse;slice;https:;sts:0;set".split(";"),fmt={signatureTimestamp:20472,re:/[/"'})]+/g};
var Rev={x7:function(a){a[t[2]]()},cut:function(a,b){a.splice(0,b)},swap:function(a,b){var c=a[0];a[0]=a[b%a.length];a[b%a.length]=c}};
function Sig(a,b){a=a[t[0]]("");Rev.x7(a,41);Rev.cut(a,a&&2);Rev.swap(a,b);return a[t[1]]("")}
g.U=function(a,b){this.parts={};this.base=a;this.strict=b};
g.k=g.U.prototype;
g.k.set=function(a,b){this.parts[a]=b};
g.k.get=function(a){var b=this.parts[a];return b===void 0?null:b};
g.k.Qz=function(){var a=this.get("n");a!=null&&this.set("n",Enn(a));return this.base};
g.k.clone=function(){var a=new g.U(this.base);a.parts=this.parts;return a};
var Enn=function(a){var b=a[t[0]]("");b=b.map(function(c,d){return"abcdefghijklmnopqrstuvwxyz0123456789"[(c.charCodeAt(0)+7*d)%36]});return b[t[2]]()[t[1]]("")};
document.body.appendChild(document.createElement("video"));
g.inherits(g.U,EventTarget);
var Link=function(a,b,c){b=b===void 0?"":b;c=c===void 0?"":c;a=new g.U(a,!0);a.set("alr","yes");c&&(c=Sig(decodeURIComponent(c),3),a[t[6]](b,encodeURIComponent(c)));return a};
var Other=function(a){var b=a.redirector(3);b.set("alr","yes");return b};
g.W=function(a){if(a){a.get("alr")||a.set("alr","yes")}return window.top[a]};
setTimeout(function(){g.W(document.title)},0);
g.Link=Link})(_yt_player);
