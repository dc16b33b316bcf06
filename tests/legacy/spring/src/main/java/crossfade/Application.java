package crossfade;

import jakarta.servlet.Filter;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.security.Principal;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.security.authentication.AuthenticationProvider;
import org.springframework.security.authentication.BadCredentialsException;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CookieCsrfTokenRepository;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.security.web.csrf.CsrfTokenRepository;
import org.springframework.security.web.csrf.HttpSessionCsrfTokenRepository;
import org.springframework.session.Session;
import org.springframework.session.SessionRepository;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.util.WebUtils;

/**
 * A real Spring application whose sessions the gateway reads. Spring Boot chooses where they lie, Redis or a database, by
 * what is not excluded on the command line; csrf=session or csrf=cookie says where Spring Security has its token.
 */
@SpringBootApplication
@RestController
public class Application {
  private final SessionRepository<? extends Session> sessions;

  Application(SessionRepository<? extends Session> sessions) {
    this.sessions = sessions;
  }

  public static void main(String[] arguments) {
    SpringApplication.run(Application.class, arguments);
  }

  @Bean
  SecurityFilterChain chain(HttpSecurity http, @Value("${csrf}") String csrf) throws Exception {
    CsrfTokenRepository tokens =
        csrf.equals("cookie") ? CookieCsrfTokenRepository.withHttpOnlyFalse() : new HttpSessionCsrfTokenRepository();
    return http.csrf(check -> check.csrfTokenRepository(tokens).ignoringRequestMatchers("/login"))
        .formLogin(login -> login.usernameParameter("user").successHandler(this::signedIn))
        .logout(logout -> logout.logoutSuccessHandler((request, response, user) -> response.getWriter().print("out")))
        .authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
        .build();
  }

  /** A page of the application would hold the token; here a cookie tells it to the test. */
  private void signedIn(HttpServletRequest request, HttpServletResponse response, Authentication user)
      throws IOException {
    CsrfToken token = (CsrfToken) request.getAttribute(CsrfToken.class.getName());
    response.addCookie(new Cookie("masked_" + token.getHeaderName(), token.getToken()));
    response.getWriter().print("in");
  }

  /** Whoever names himself is believed, unless he gives a wrong password besides. */
  @Bean
  AuthenticationProvider everybody() {
    return new AuthenticationProvider() {
      @Override
      public Authentication authenticate(Authentication shown) {
        if (!List.of("", "lovelace-1843").contains(shown.getCredentials())) {
          throw new BadCredentialsException("wrong");
        }
        User user = new User(shown.getName(), "", AuthorityUtils.createAuthorityList("ROLE_USER"));
        return UsernamePasswordAuthenticationToken.authenticated(user, null, user.getAuthorities());
      }

      @Override
      public boolean supports(Class<?> kind) {
        return UsernamePasswordAuthenticationToken.class.isAssignableFrom(kind);
      }
    };
  }

  /** Answers before the session is loaded, which would be saved again with the time of this request. */
  @Bean
  FilterRegistrationBean<Filter> expire() {
    Filter filter =
        (request, response, chain) -> {
          Cookie cookie = WebUtils.getCookie((HttpServletRequest) request, "SESSION");
          lastUsedYesterday(sessions, new String(Base64.getDecoder().decode(cookie.getValue())));
          response.getWriter().print("expired");
        };
    FilterRegistrationBean<Filter> registration = new FilterRegistrationBean<>(filter);
    registration.addUrlPatterns("/expire");
    registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
    return registration;
  }

  private static <S extends Session> void lastUsedYesterday(SessionRepository<S> sessions, String id) {
    S session = sessions.findById(id);
    session.setLastAccessedTime(Instant.now().minus(Duration.ofDays(1)));
    sessions.save(session);
  }

  @PostMapping("/rotate")
  String rotate(HttpServletRequest request) {
    request.changeSessionId();
    return "rotated";
  }

  @PostMapping("/note")
  String note(HttpSession session, Principal user) {
    Integer notes = (Integer) session.getAttribute("notes");
    session.setAttribute("notes", notes == null ? 1 : notes + 1);
    return (user == null ? "" : user.getName()) + ":" + session.getAttribute("notes");
  }

  @GetMapping("/who")
  String who(Principal user) {
    return user == null ? "" : user.getName();
  }
}
