-- expect: load: there is no global 'collectgarbage'
collectgarbage("stop")
