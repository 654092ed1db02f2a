#include "lua/declare.h"
#include "lua/bind.h"
void declare_compile(lua_State *L, struct rules *r, struct rule *rule){(void)r;luaL_error(L,"rule \"%s\" has no function",rule->name);}
void declare_refuse(lua_State *L, const struct rule *rule){(void)L;(void)rule;}
void declare_free(struct declare **d){(void)d;}
void declare_run(struct round *r){(void)r;}
void declare_finish(struct round *r){(void)r;}
void declare_view_free(struct view **v){(void)v;}
const struct bind_row bind_rule_rows[]={{"rule","rule \"name\" { ... }","Make a rule.",rule_register},{NULL,NULL,NULL,NULL}};
const struct bind_row bind_object_rows[]={{NULL,NULL,NULL,NULL}};
const struct bind_row bind_action_rows[]={{NULL,NULL,NULL,NULL}};
